"""How hard the proof tries: `RFM_PROOF=soak` runs ten thousand histories."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick",
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("soak", settings.get_profile("quick"), max_examples=10_000)
settings.load_profile(os.environ.get("RFM_PROOF", "quick"))
