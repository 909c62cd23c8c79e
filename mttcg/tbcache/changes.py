"""How a vCPU finds out that a page it fetches from is no longer what RAM holds."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

from mttcg.memory.address import PhysicalPage
from mttcg.memory.page import PAGE

if TYPE_CHECKING:
    from mttcg.tbcache.cache import BlockCache


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
        cache: whose pages they are.
    """

    def __init__(self, cache: "BlockCache") -> None:
        self.cache = cache

    def entered(self, page: PhysicalPage) -> None:
        """Nothing to do."""

    def changed(self) -> list[PhysicalPage]:
        """See PageChanges."""
        cache = self.cache
        return [
            page
            for page, slot in cache.used.items()
            if not np.array_equal(cache.original[slot], cache.ram[page * PAGE : (page + 1) * PAGE])
            or int(cache.slots["tail"][slot]) != cache.tail(page)
        ]

    def follow(self) -> None:
        """Nothing to do."""

    rest = distrust = follow
