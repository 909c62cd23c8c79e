"""Levels of privilege, as mstatus.MPP has them (Privileged ISA 1.2)."""

USER, SUPERVISOR, MACHINE = 0, 1, 3
LEVELS = {"user": USER, "supervisor": SUPERVISOR, "machine": MACHINE}
"""By name."""
LEVEL_NAMES = {USER: "U", SUPERVISOR: "S", MACHINE: "M"}
LEVEL_SHIFT = 8
"""Where the number of a CSR has the lowest level that may use it (2.1); two bits."""


def level_of(number: int) -> int:
    """The lowest level that may use a CSR."""
    return number >> LEVEL_SHIFT & MACHINE
