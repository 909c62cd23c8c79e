"""How a vCPU finds out that a page it fetches from is no longer what RAM holds."""

from collections.abc import Callable, Iterable
from typing import Protocol

from mttcg.memory.address import PhysicalPage


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
