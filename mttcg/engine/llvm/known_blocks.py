"""The blocks that a vCPU knows of: those that plugins were shown."""

from collections.abc import Iterable

from mttcg.memory.address import Virtual
from mttcg.tbcache.cache import BlockCache


class KnownBlocks(set[tuple[int, Virtual]]):
    """Blocks, as (slot, pc).

    Args:
        cache: whose slots they are in.
    """

    def __init__(self, cache: BlockCache) -> None:
        super().__init__()
        self.cache = cache
        self.generations: dict[int, int] = {}

    def forget_recycled(self, slots: Iterable[int]) -> None:
        """Forget the blocks of those slots that have other content by now."""
        for slot in slots:
            generation = int(self.cache.slots["generation"][slot])
            if self.generations.setdefault(slot, generation) != generation:
                self.generations[slot] = generation
                self -= {place for place in self if place[0] == slot}
