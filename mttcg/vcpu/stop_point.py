"""What supervisor and vCPUs say of stops for a debugger."""

from enum import StrEnum

from mttcg.memory.address import Virtual
from mttcg.vcpu.typed_value import TypedValue


class Reason(StrEnum):
    """Why a hart stopped."""

    BREAKPOINT = "breakpoint"
    STEP = "step"


class Motion(StrEnum):
    """How a hart goes on."""

    STAND = "stand"
    GO = "go"
    STEP = "step"
    """To stop behind one instruction."""


class StopPoint(TypedValue):
    """A place at which every hart stops.

    address: of the instruction. mask, wanted: of the contexts in which it does, a Scope.
    """

    address: Virtual
    mask: int
    wanted: int
