"""What every test of rescoring may ask for."""

import pytest

from tests.db.rescore.sixty import FILL
from tests.support import run


@pytest.fixture
def crm(rfm_engine):
    run(rfm_engine, FILL)
    return rfm_engine
