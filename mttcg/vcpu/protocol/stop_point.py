"""What supervisor and vCPUs say of stops for a debugger."""

from enum import StrEnum

from mttcg.memory.address import Virtual
from mttcg.vcpu.protocol.typed_value import TypedValue

OWNER = ""
"""Of what is attached for a debugger, in the place of a plugin."""
MOST_WATCHED = 64
"""Places whose accesses are watched at one time."""


class Reason(StrEnum):
    """Why a hart stopped; of a StopPoint, why it is to."""

    BREAKPOINT = "breakpoint"
    STEP = "step"
    READ = "read"
    WRITE = "write"
    ACCESS = "access"
    """The hart is behind the instruction that made it."""
    COUNT = "count"
    """It has retired so many instructions, or all harts have."""


class Motion(StrEnum):
    """How a hart goes on."""

    STAND = "stand"
    GO = "go"
    STEP = "step"
    """To stop behind one instruction."""
    SEARCH = "search"
    """To note each place at which it would stop, and go on."""


class StopPoint(TypedValue):
    """A place at which every hart stops.

    kind: a Reason. address: of the instruction, or of size bytes that are accessed. mask, wanted:
    of the contexts in which an instruction is one, a Scope.
    """

    kind: str
    size: int
    address: Virtual
    mask: int
    wanted: int
