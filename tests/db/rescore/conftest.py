"""What every test of rescoring may ask for."""

import pytest

from tests.db.rescore.aging import CALL, THREE_HUNDRED
from tests.db.rescore.sixty import FILL
from tests.support import run


@pytest.fixture
def crm(rfm_engine):
    run(rfm_engine, FILL)
    return rfm_engine


@pytest.fixture
def three_hundred(rfm_engine):
    """Three hundred customers, two orders each, and a complete run."""
    run(rfm_engine, THREE_HUNDRED)
    assert run(rfm_engine, CALL) == [(0, False)]
    return rfm_engine
