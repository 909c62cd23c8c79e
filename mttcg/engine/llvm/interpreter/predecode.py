"""Predecoding: from instruction words to records."""

from functools import lru_cache

from mttcg.engine.llvm.interpreter.handlers import key_of
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.native import InterpreterFunctions
from mttcg.isa.table.layout import NOTHING
from mttcg.memory.address import PhysicalPage
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

    def fill(self, page: PhysicalPage, slot: int, offset: int) -> None:
        """Have records from an offset to the end of the block, or to where there are some."""
        found: list[tuple[int, Record]] = []
        while offset < PAGE and self.pages.handler(slot, offset) == self.native.fill:
            word = self.cache.word_at(page, slot, offset)
            facts = self.facts(word)
            target = facts.target
            far = target is not None and not 0 <= offset + target < PAGE
            found.append((offset, self.record(word, far)))
            if facts.kind.ends_block:
                break
            offset += facts.length
        self.pages.put(slot, found)

    def _record(self, word: int, far: bool) -> Record:
        """The record of an instruction; `far`: its target is in another page."""
        decoded = self.isa.code.decode(word)
        if decoded is None or decoded.name in self.uncovered:
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
