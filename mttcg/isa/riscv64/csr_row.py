"""A row of the table of CSRs, and the ways in which most of them are read and written.

In the words of SystemWords. What of a written value sticks is up to the row (WARL).
"""

from dataclasses import dataclass
from typing import Protocol

from mttcg.isa.operations import Operations, SystemWords, V
from mttcg.state.words import MASK


class Read(Protocol):
    """Gives a register's value."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V]) -> V:
        """The value."""


class Write(Protocol):
    """Takes a value for a register, and keeps what sticks of it."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        """Take it."""


class Keep(Protocol):
    """Gives what csrrs and csrrc set and clear bits of."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V], old: V) -> V:
        """The value; `old` is what was read."""


class TakeBack(Protocol):
    """Takes back what others have raised."""

    def __call__(self, ops: Operations[V], hart: SystemWords[V], old: V, new: V) -> None:
        """Take back what was set in what was read, `old`, and is not in the value to write."""


@dataclass(frozen=True)
class Csr:
    """One register.

    Attributes:
        name: the assembler's.
        read: how it is read.
        write: how it is written; None: writes are ignored, or illegal if its number says so.
        changes_status: whether an interrupt may be due when it was written, or floating point
            switched.
        kept: what csrrs and csrrc set and clear bits of, if that is not what is read.
        acknowledge: what is done before an instruction writes it, if that clears what others set.
        allowed: whether it may be used now, beyond what its number says.
    """

    name: str
    read: Read
    write: Write | None = None
    changes_status: bool = False
    kept: Keep | None = None
    acknowledge: TakeBack | None = None
    allowed: Read | None = None


def masked(ops: Operations[V], value: V, mask: int) -> V:
    """The bits of a value that are in a mask."""
    return ops.binary("and", value, ops.constant(mask & MASK))


def with_bits(ops: Operations[V], value: V, bits: int) -> V:
    """A value with some bits set."""
    return ops.binary("or", value, ops.constant(bits))


def joined(ops: Operations[V], old: V, new: V, mask: int) -> V:
    """A value with the bits of another in place of those in a mask."""
    return ops.binary("or", masked(ops, old, ~mask), masked(ops, new, mask))


def ignore(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    """Nothing of a written value sticks."""


def field(name: str) -> Read:
    """Reads a field of the hart's state."""

    def read(ops: Operations[V], hart: SystemWords[V]) -> V:
        return hart.read_state(name)

    return read


def plain(
    name: str, keep: int = MASK, *, changes_status: bool = False, allowed: Read | None = None
) -> Csr:
    """A register that holds what is written to it, as far as its bits exist."""

    def write(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        hart.write_state(name, masked(ops, value, keep))

    return Csr(name, field(name), write, changes_status, allowed=allowed)


def constant(name: str, value: int, allowed: Read | None = None) -> Csr:
    """A register that reads as a number."""

    def read(ops: Operations[V], hart: SystemWords[V]) -> V:
        return ops.constant(value)

    return Csr(name, read, ignore, allowed=allowed)
