"""What every test of orders may ask for."""

import pytest

from tests.db.sales.shop import FILL
from tests.support import run


@pytest.fixture
def crm(rfm_engine):
    run(rfm_engine, FILL)
    return rfm_engine
