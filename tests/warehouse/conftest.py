import pytest

from tests.warehouse.engines import PARAMS


@pytest.fixture(params=PARAMS)
def engine(request, engines):
    return engines(request.param)
