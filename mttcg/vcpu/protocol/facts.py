"""Facts that messages between the processes of a machine tell."""

from mttcg.memory.address import Physical, Virtual
from mttcg.vcpu.protocol.typed_value import TypedValue


class ProgramFacts(TypedValue):
    """What a program is told of itself; free: where RAM in which nothing lies begins and ends."""

    command_line: str
    free: tuple[Physical, Physical]


class TrapFacts(TypedValue):
    """A trap; text: the instruction at its pc, "" where there is no RAM."""

    cause: str
    pc: Virtual
    value: int
    text: str
