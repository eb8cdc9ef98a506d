from typing import Any

import pytest

from tests.warehouse.engines import OPEN, PARAMS


@pytest.fixture(scope="session")
def engines():
    """Open each engine once, when a test first asks for it."""
    from contextlib import ExitStack

    opened: dict[str, Any] = {}
    with ExitStack() as stack:

        def get(name):
            if name not in opened:
                opened[name] = stack.enter_context(OPEN[name]())
            return opened[name]

        yield get


@pytest.fixture(params=PARAMS)
def engine(request, engines):
    return engines(request.param)
