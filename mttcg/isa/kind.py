"""What an instruction is to a block of guest code."""

from enum import IntEnum


class Kind(IntEnum):
    """All but PLAIN, LOAD and STORE end a block.

    ALONE computes with registers, and ends its block all the same, so that an engine which gets it
    wrong may have it run by its definition. FENCE orders stores before later loads, as hosts with
    total store order do not; weaker fences are PLAIN.
    """

    PLAIN = 0
    LOAD = 1
    STORE = 2
    BRANCH = 3
    JUMP = 4
    INDIRECT = 5
    FLOAT_CONTROL = 6
    BREAKPOINT = 7
    ILLEGAL = 8
    ATOMIC = 9
    FENCE = 10
    SYSTEM = 11
    ALONE = 12

    @property
    def ends_block(self) -> bool:
        """Whether a block ends after it."""
        return self >= Kind.BRANCH
