"""What a hart runs in: its level of privilege and its address space, as one number.

A vCPU keeps it in its state (`VcpuState.context`), so that native code decides by one comparison
what is for a level, or for an address space. It has 32 bits, and records have it as it is. Above
them the state has *marks*: of the processes that instrumentation was limited to, a bit for each
that runs on the hart.
"""

from typing import NamedTuple

SPACE_BITS = 30
"""Pages of the largest memory in which a table can be that names a space, 4 TiB."""
SPACE_MASK = (1 << SPACE_BITS) - 1
CONTEXT_BITS = 32
CONTEXT_MASK = (1 << CONTEXT_BITS) - 1
MARKS = 32
"""Bits above a context."""
MARKS_MASK = (1 << MARKS) - 1 << CONTEXT_BITS
LEVEL_MASK = (1 << CONTEXT_BITS - SPACE_BITS) - 1


def context_of(level: int, space: int) -> int:
    """The number of a context.

    Args:
        level: of privilege, as `System.levels` has it; two bits.
        space: the address space, 0 where code is not translated.
    """
    return level << SPACE_BITS | space & SPACE_MASK


def level_of(context: int) -> int:
    """The level of a context."""
    return context >> SPACE_BITS & LEVEL_MASK


def space_of(context: int) -> int:
    """The address space of a context, 0 if code is not translated there."""
    return context & SPACE_MASK


class Scope(NamedTuple):
    """The contexts that have a number in certain bits."""

    mask: int
    wanted: int

    def holds(self, context: int) -> bool:
        """Whether a context is one of them."""
        return context & self.mask == self.wanted


EVERYWHERE = Scope(0, 0)


def scope_of(level: int | None, space: int | None) -> Scope:
    """The contexts of a level and a space; None: of any."""
    mask = (0 if level is None else ~SPACE_MASK & CONTEXT_MASK) | (
        0 if space is None else SPACE_MASK
    )
    return Scope(mask, context_of(level or 0, space or 0))


def marked(scope: Scope, mark: int) -> Scope:
    """The contexts of a scope that have a mark, one of `MARKS`."""
    bit = 1 << CONTEXT_BITS + mark
    return Scope(scope.mask | bit, scope.wanted | bit)
