"""Addresses have types, and there is one door from each to the next.

At run time all are plain numbers; mypy keeps them apart. What is computed from an address is a
number: whoever computes it says again what it is. Only this module and `memory.ram` make one kind
of address from another.
"""

from typing import NewType, TypeVar, cast

from mttcg.memory.page import PAGE

Virtual = NewType("Virtual", int)
"""What guest code names: its pc, targets, symbols, and what it reads and writes."""
Physical = NewType("Physical", int)
"""Where RAM and devices are: what a board, the device tree and an ELF file load by."""
PhysicalPage = NewType("PhysicalPage", int)
"""A page of RAM, by its number from the start of RAM on."""
PageOffset = NewType("PageOffset", int)
"""Bytes from the start of a page of code; outside of 0 to PAGE it is a place in another page."""
HostAddress = NewType("HostAddress", int)
"""Where something lies in this process."""

A = TypeVar("A", Virtual, Physical)


def physical_of(address: Virtual) -> Physical:
    """The door from virtual to physical.

    Harts run in machine mode, which does not translate. The look-up of page tables comes in here.
    """
    return Physical(address)


def virtual_of(address: Physical) -> Virtual:
    """The door back: where guest code sees what lies at an address.

    With translation that may be nowhere, or several places; who asks has to know which then.
    """
    return Virtual(address)


def offset_in_page(address: Virtual | Physical) -> PageOffset:
    """Bytes from the start of an address's page; the same before and behind the door."""
    return PageOffset(address % PAGE)


def page_start(address: A) -> A:
    """The first address of an address's page."""
    return cast(A, address - address % PAGE)
