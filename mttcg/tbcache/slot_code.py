"""The instructions of a slot as reports want them: looked at once, whatever blocks have them."""

from collections.abc import Iterator, Mapping

from mttcg.isa.facts import Facts
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.decode import word_at


class SlotCode:
    """What a slot has where blocks begin, or go on. Nothing is decoded into the cache.

    Args:
        cache: the block cache.
        slot: number of the slot.
    """

    def __init__(self, cache: BlockCache, slot: int) -> None:
        self.code = cache.code
        tail = int(cache.slots["tail"][slot])
        self.halves: list[int] = [*cache.original[slot].view("<u2").tolist(), tail]

    def _at(self, offset: int) -> tuple[int, Facts]:
        """An instruction's word, and what is known of it."""
        word = word_at(self.code, offset, lambda at: self.halves[at // 2])
        return word, self.code.facts(word)

    def executions(self, blocks: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
        """How often each instruction was executed: (offset, word, executions), in order of offset.

        blocks: executions of blocks, by their offsets.
        """
        begun = dict(blocks)
        for offset in range(min(begun, default=PAGE), PAGE, self.code.alignment):
            times = begun.get(offset, 0)
            if times:
                word, facts = self._at(offset)
                yield offset, word, times
                if not facts.kind.ends_block:
                    after = offset + facts.length
                    begun[after] = begun.get(after, 0) + times
