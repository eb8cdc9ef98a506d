"""How hard the proof tries: `RFM_PROOF=soak` runs ten thousand histories.

`RFM_PROOF=mutants` is for a fault that is known: one example that shows it is enough.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "quick",
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("soak", settings.get_profile("quick"), max_examples=10_000)
settings.register_profile("mutants", settings.get_profile("quick"), phases=[Phase.generate])
settings.load_profile(os.environ.get("RFM_PROOF", "quick"))


@pytest.fixture
def connection(rfm_engine):
    with rfm_engine.connect() as connection:
        yield connection
