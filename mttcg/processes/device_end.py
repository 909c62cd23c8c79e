"""How the device process ends, as all who wait for it know it."""

FLUSH_SECONDS = 10.0
"""How long it may take to end what it is at, and write out its files, when no vCPU is left."""
