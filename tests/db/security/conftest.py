import pytest

from rfm import db
from rfm.testing import assert_scores_match
from tests.db.security.roles import REGIMES, crm, owned


@pytest.fixture(scope="module", params=REGIMES)
def scored(request):
    """Name a database with every migration and score, to be copied."""
    with crm(request.param) as engine:
        db.apply(engine)
        db.backfill(engine)
        yield engine.url.database


@pytest.fixture
def owner(scored):
    with owned(scored) as engine:
        yield engine
        assert_scores_match(engine)
