"""Predecoding: from instruction words to records."""

from collections.abc import Callable, Iterator
from functools import lru_cache

from mttcg.engine.llvm.interpreter.handlers import key_of
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.native import InterpreterFunctions
from mttcg.engine.llvm.interpreter.observed_pages import ObservedPage
from mttcg.isa.facts import Facts
from mttcg.isa.table.layout import NOTHING
from mttcg.isa.table.row import Decoded
from mttcg.memory.address import PageOffset, PhysicalPage
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import WORD_BYTES, offsets_of
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.predecoded import PredecodedPages, Record, operands_of

DISCARDED = offsets_of(VcpuState)["discarded"]
REMEMBERED = 1 << 16
"""Words whose records are remembered."""


class Predecoder:
    """Makes records, and fills pages with them.

    Args:
        isa: the guest's.
        native: the interpreter.
        cache: where the pages' content is.
        pages: that are filled.
        uncovered: names of instructions to come back for, as if the table lacked them.
    """

    def __init__(
        self,
        isa: InterpretedIsa,
        native: InterpreterFunctions,
        cache: BlockCache,
        pages: PredecodedPages,
        uncovered: frozenset[str] = frozenset(),
    ) -> None:
        self.isa, self.native, self.uncovered = isa, native, uncovered
        self.cache, self.pages = cache, pages
        self.facts = isa.code.facts
        self.discarded = (DISCARDED - isa.llvm.files["x"]) // WORD_BYTES
        self.record = lru_cache(REMEMBERED)(self._record)

    def fill(self, page: PhysicalPage, slot: int, offset: PageOffset) -> None:
        """Have records from an offset to the end of the block, or to where there are some."""
        self.pages.put(
            slot,
            [
                (at, self.record(word, far))
                for at, word, far in self._line(page, slot, offset, self._is_empty(slot))
            ],
        )

    def _is_empty(self, slot: int) -> Callable[[PageOffset], bool]:
        return lambda offset: self.pages.handler(slot, offset) == self.native.fill

    def fill_observed(
        self, observed: ObservedPage, page: PhysicalPage, slot: int, offset: PageOffset
    ) -> None:
        """The same, of a page with something attached."""
        empty, handlers = observed.native.fill, observed.chosen.handlers
        records: list[tuple[PageOffset, Record]] = []
        facts: list[tuple[int, Facts]] = []
        line = self._line(page, slot, offset, lambda at: observed.handler(at) == empty)
        for at, word, far in line:
            decoded = self.decoded(word)
            handler = observed.native.left
            if decoded is not None:
                handler = handlers[key_of(self.isa, decoded, far)]
            records.append((at, Record(handler, self.record(word, far).operands)))
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

    def _record(self, word: int, far: bool) -> Record:
        """The record of an instruction; `far`: its target is in another page."""
        decoded = self.decoded(word)
        if decoded is None:
            return Record(self.native.left, 0)
        zero = decoded.row.behaviour.writes == "x" and not decoded.rd
        has_mode = decoded.row.format.rounding is not NOTHING
        operands = operands_of(
            self.discarded if zero else decoded.rd,
            decoded.rs1,
            decoded.rs2,
            decoded.rs3,
            decoded.rounding if has_mode else decoded.immediate,
        )
        return Record(self.native.handlers[key_of(self.isa, decoded, far)], operands)
