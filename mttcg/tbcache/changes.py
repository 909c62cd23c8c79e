"""How a vCPU finds out that a page it fetches from is no longer what RAM holds."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from mttcg.memory.address import HostAddress, PhysicalPage

OBSERVED = 1
"""Set in what the table of an interpreter's records has of a page if it is an observed one."""
GIVEN_UP = 2
"""What the table of an interpreter's records has of a page that is not fetched from, or no more,
and that native code may fetch from; no address of records, nor the bit of an observed page."""


class NativeFetch(NamedTuple):
    """A native function that fetches changed pages as they are now, given one argument.

    It returns 0 if none has changed, 1 if each that has is fetched in another version, else 2:
    then changed pages are left.
    """

    function: HostAddress
    argument: HostAddress


class JumpsOfVersions(NamedTuple):
    """Where jumps to translated code are, by version: host addresses.

    Attributes:
        pages: of the place of the jumps of each page of RAM.
        slots: of that of each slot.
        generations: of the generation of each slot that these are of.
        nothing: of no jumps.
    """

    pages: HostAddress
    slots: HostAddress
    generations: HostAddress
    nothing: HostAddress


class InterpretedPages(NamedTuple):
    """What an interpreter has of pages, for changed ones to be entered natively: host addresses.

    Attributes:
        table: of the records of each page of RAM; a page that has none, or with bit 0 set, is left,
            GIVEN_UP is written.
        jumps: to translated code.
        segment: of predecoded pages.
        blank: of the records of a page of which nothing is predecoded.
        handlers: what such a page has of handlers.
        shared: the segment that all share, if this one is of a vCPU's own pages: records of a
            version are dropped then when that is left, as others may change it; else 0.
    """

    table: HostAddress
    jumps: JumpsOfVersions
    segment: HostAddress
    blank: HostAddress
    handlers: HostAddress
    shared: HostAddress = HostAddress(0)


class PageChanges(Protocol):
    """Finds changed pages.

    Whoever stores to guest RAM, in this process, follows before, and says when it rests.
    """

    def entered(self, page: PhysicalPage) -> None:
        """A page is fetched from another version now."""

    def changed(self) -> list[PhysicalPage]:
        """Pages that are fetched from a version that RAM no longer holds.

        What was stored before a message that this hart has seen is found.
        """

    def follow(self) -> None:
        """Be ready to store to guest RAM, as the other vCPUs are to see it."""

    def rest(self) -> None:
        """Store nothing to guest RAM until `follow` is called again."""

    def distrust(self) -> None:
        """Take note that guest RAM was written by another process than a vCPU's."""

    def enter_natively(self, pages: InterpretedPages) -> None:
        """Have changed pages entered natively that an interpreter runs."""

    @property
    def native(self) -> NativeFetch | None:
        """What fetches again; None as long as there is nothing."""


class ComparedPages:
    """Compares every page: for a cache of which nobody tracks the stores.

    Args:
        used: the pages that are fetched from.
        is_changed: whether RAM no longer holds the version that a page is fetched from.
    """

    def __init__(
        self, used: Iterable[PhysicalPage], is_changed: Callable[[PhysicalPage], bool]
    ) -> None:
        self.used, self.is_changed = used, is_changed

    def entered(self, page: PhysicalPage) -> None:
        """Nothing to do."""

    def changed(self) -> list[PhysicalPage]:
        """See PageChanges."""
        return [page for page in self.used if self.is_changed(page)]

    def follow(self) -> None:
        """Nothing to do."""

    rest = distrust = follow
    native: NativeFetch | None = None

    def enter_natively(self, pages: InterpretedPages) -> None:
        """Nothing to do."""
