"""Predecoding of code to which something is attached: from instruction words to records."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.keys import key_of
from mttcg.engine.llvm.interpreter.observed_pages import ObservedPage, Record, operands_of
from mttcg.engine.llvm.interpreter.predecode import discarded_register
from mttcg.isa.facts import Facts
from mttcg.isa.table.layout import NOTHING
from mttcg.isa.table.row import Decoded
from mttcg.memory.address import PageOffset, PhysicalPage
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import BlockCache

REMEMBERED = 1 << 16
"""Words whose records are remembered."""


class ObservedPredecoder:
    """Fills pages of code to which something is attached.

    Args:
        isa: the guest's.
        cache: where the pages' content is.
        uncovered: names of instructions to come back for, as if the table lacked them.
    """

    def __init__(self, isa: InterpretedIsa, cache: BlockCache, uncovered: frozenset[str]) -> None:
        self.isa, self.cache, self.uncovered = isa, cache, uncovered
        self.facts = isa.code.facts
        self.discarded = discarded_register(isa)
        self.operands = lru_cache(REMEMBERED)(self._operands)

    def fill(
        self, observed: ObservedPage, page: PhysicalPage, slot: int, offset: PageOffset
    ) -> None:
        """Have records from an offset to the end of the block, or to where there are some."""
        empty, handlers = observed.native.fill, observed.chosen.handlers
        records: list[tuple[PageOffset, Record]] = []
        facts: list[tuple[int, Facts]] = []
        line = self._line(page, slot, offset, lambda at: observed.handler(at) == empty)
        for at, word, far in line:
            decoded = self.decoded(word)
            handler = observed.native.left
            if decoded is not None:
                handler = handlers[key_of(self.isa, decoded, far)]
            records.append((at, Record(handler, self.operands(word))))
            facts.append((word, self.facts(word)))
        observed.put(records, facts)

    def _line(
        self,
        page: PhysicalPage,
        slot: int,
        offset: PageOffset,
        is_empty: Callable[[PageOffset], bool],
    ) -> Iterator[tuple[PageOffset, int, bool]]:
        """Offset, word, and whether its target is in another page, up to a record that exists."""
        while offset < PAGE and is_empty(offset):
            word = self.cache.word_at(page, slot, offset)
            facts = self.facts(word)
            target = facts.target
            yield offset, word, target is not None and not 0 <= offset + target < PAGE
            if facts.kind.ends_block:
                break
            offset = PageOffset(offset + facts.length)

    def decoded(self, word: int) -> Decoded | None:
        """An instruction; None if the host is to run it."""
        found = self.isa.code.decode(word)
        return None if found is None or found.name in self.uncovered else found

    def _operands(self, word: int) -> int:
        """The operands of an instruction, as a record has them."""
        decoded = self.decoded(word)
        if decoded is None:
            return 0
        zero = decoded.row.behaviour.writes == "x" and not decoded.rd
        has_mode = decoded.row.format.rounding is not NOTHING
        return operands_of(
            self.discarded if zero else decoded.rd,
            decoded.rs1,
            decoded.rs2,
            decoded.rs3,
            decoded.rounding if has_mode else decoded.immediate,
        )
