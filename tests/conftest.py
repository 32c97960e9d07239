"""For all tests: a machine that is busy is no defect of ours."""

from hypothesis import HealthCheck, settings

BUSY = "busy machine"

settings.register_profile(BUSY, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(BUSY)
