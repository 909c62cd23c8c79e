"""What holds for all tests: random ones draw the same cases at every run, however slow the host."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
