from hypothesis import settings

# the first query of a process warms Polars up, and a shared machine may pause: no clock here
settings.register_profile("core", deadline=None, max_examples=50)
settings.load_profile("core")
