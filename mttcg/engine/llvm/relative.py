"""Addresses in translated code that depend on where the guest sees the page.

Code has none of them as a constant, so that it serves the page wherever that is.
"""

from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I64, Relative
from mttcg.engine.llvm.places import BASE


def relative(build: Builder, distance: int) -> Relative:
    """The address at a distance from the start of the page."""
    total = Relative(build.binary("add", BASE, distance))
    total.distance = distance
    return total


def distance_of(build: Builder, address: I64) -> I64:
    """How far an address is from the start of the page."""
    return build.binary("sub", address, BASE)


def address_at(build: Builder, distance: I64) -> I64:
    """The address at a distance that is not known."""
    return build.binary("add", distance, BASE)
