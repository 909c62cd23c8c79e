"""Addresses in translated code that depend on where the guest sees the page.

Code has none of them as a constant, so that it serves the page wherever that is.
"""

from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I64, Relative
from mttcg.engine.llvm.places import BASE
from mttcg.memory.page import PAGE

HALF_SHIFT = 1
"""Instructions are at even addresses."""


def relative(build: Builder, distance: int) -> Relative:
    """The address at a distance from the start of the page."""
    total = Relative(build.binary("add", BASE, distance))
    total.distance = distance
    return total


def take_base(build: Builder, pc: I64) -> None:
    """Define where the page starts in which a pc is."""
    build.binary("and", pc, -PAGE, into=BASE)


def halves_to(build: Builder, address: I64) -> I64:
    """How far an address is from the start of the page, in halves."""
    return build.binary("lshr", build.binary("sub", address, BASE), HALF_SHIFT)


def address_at(build: Builder, halves: I64) -> I64:
    """The address at a distance in halves."""
    return build.binary("add", build.binary("shl", halves, HALF_SHIFT), BASE)


def in_halves(distance: int) -> int:
    """A known distance in halves."""
    return distance >> HALF_SHIFT
