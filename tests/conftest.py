"""What every test may ask for."""

from contextlib import ExitStack
from typing import Any

import pytest

pytest_plugins = ["rfm.testing"]


@pytest.fixture(scope="session")
def engines():
    """Open the engine of a name, once, when a test first asks for it."""
    from tests.warehouse.engines import OPEN  # noqa: PLC0415 - Ibis takes a second to load

    opened: dict[str, Any] = {}
    with ExitStack() as stack:

        def get(name):
            if name not in opened:
                opened[name] = stack.enter_context(OPEN[name]())
            return opened[name]

        yield get
