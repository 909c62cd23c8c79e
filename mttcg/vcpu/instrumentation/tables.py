"""Reading a block table: its counts as records, with what the block cache knows of each block."""

from collections import defaultdict
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from mttcg.instrument.events import EXECUTIONS, INSTRUCTION_EXECUTIONS
from mttcg.memory.address import Virtual, offset_in_page
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import Block, BlockCache
from mttcg.tbcache.extents import extents
from mttcg.tbcache.slot_code import SlotCode

Places: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
CODE_BYTES = EXECUTIONS["code"].itemsize
"""Longer blocks are cut."""


def table_records(
    words: "np.ndarray[Any, Any]", cache: BlockCache, dtype: "np.dtype[Any]"
) -> "np.ndarray[Any, Any]":
    """What a table has counted, in the layout of its stream."""
    read = executed_instructions if dtype == INSTRUCTION_EXECUTIONS else executed_blocks
    return read(words, cache)


class CodePlace(NamedTuple):
    """An instruction of a version of a page: its slot, its offset in bytes, its 16 or 32 bits."""

    slot: int
    offset: int
    word: int


def leave_early(
    words: "np.ndarray[Any, Any]",
    cache: BlockCache,
    block: Block,
    pc: Virtual,
    begun: bool = False,
) -> None:
    """Take back what a table counted of a block from pc on, if that lies in it.

    begun: the instruction at pc is not taken back, only what is behind it.
    """
    if begun and block.pc <= pc < block.end:
        page = cache.page_in(block.slot)
        pc = Virtual(pc + cache.code.length(cache.half_at(page, block.slot, offset_in_page(pc))))
    count_rest(words, block, pc, -1)


def count_rest(words: "np.ndarray[Any, Any]", block: Block, pc: Virtual, executions: int) -> None:
    """Add executions, or take them back, of a block from pc on, if that lies in it.

    What is left of a block is a block as well, so these are executions of that. The vCPU whose
    words they are calls this, between two runs of the engine.
    """
    if block.pc <= pc < block.end:
        words.view(np.int64)[block.slot * HALVES + offset_in_page(pc) // 2] += executions


def executed_instructions(
    words: "np.ndarray[Any, Any]", cache: BlockCache
) -> "np.ndarray[Any, Any]":
    """The instructions that were retired, as `events.INSTRUCTION_EXECUTIONS` records.

    Args:
        words: a vCPU's words of a BlockTable; one may have fallen below zero, see `leave_early`.
        cache: the block cache; only slots in use are looked at, as the table is sparse.
    """
    found = {
        place: executions
        for place, executions in executions_of_blocks(words, cache).items()
        if executions > 0
    }
    records = np.zeros(len(found), dtype=INSTRUCTION_EXECUTIONS)
    slots, offsets, bits = np.array(list(found), dtype=np.int64).reshape(-1, 3).T
    records["pc"] = cache.pcs_of(slots, offsets)
    records["executions"] = list(found.values())
    records["word"] = bits
    return records


def executions_of_blocks(
    words: "np.ndarray[Any, Any]", cache: BlockCache
) -> "dict[CodePlace, int]":
    """How often each instruction was executed if each block was as often as `words` say."""
    slots, halves = _counted(words, cache)
    times = words[slots * HALVES + halves].astype(np.int64)
    blocks: dict[int, dict[int, int]] = defaultdict(dict)
    rows = zip(slots.tolist(), (2 * halves).tolist(), times.tolist(), strict=True)
    for slot, offset, executions in rows:
        blocks[slot][offset] = executions
    return {
        CodePlace(slot, offset, word): executions
        for slot, in_slot in blocks.items()
        for offset, word, executions in SlotCode(cache, slot).executions(in_slot)
    }


def _counted(words: "np.ndarray[Any, Any]", cache: BlockCache) -> tuple[Places, Places]:
    """The slots and halves at which a table has a count."""
    used = int(cache.header["slots"][0])
    found: Places = np.flatnonzero(words[: used * HALVES])
    return found // HALVES, found % HALVES


def pc_of(place: CodePlace, cache: BlockCache) -> Virtual:
    """The address of an instruction."""
    return cache.pc_of(place.slot, place.offset)


def executed_blocks(words: "np.ndarray[Any, Any]", cache: BlockCache) -> "np.ndarray[Any, Any]":
    """The blocks with a count, as `events.EXECUTIONS` records in order of slot and offset.

    Args:
        words: a vCPU's words of a BlockTable, one per half of each slot.
        cache: the block cache; only slots in use are looked at, as the table is sparse.
    """
    slots, halves = _counted(words, cache)
    records = np.zeros(len(slots), dtype=EXECUTIONS)
    records["executions"] = words[slots * HALVES + halves]
    records["pc"] = cache.pcs_of(slots, 2 * halves)
    records["instructions"], records["size"] = _extents(cache, slots, halves)
    within = np.arange(CODE_BYTES)
    places = 2 * halves[:, np.newaxis] + within
    in_page = np.minimum(records["size"], PAGE - 2 * halves)
    there = within < in_page[:, np.newaxis]
    code = cache.original[slots[:, np.newaxis], np.minimum(places, PAGE - 1)]
    records["code"] = np.where(there, code, 0)
    return records


def _extents(cache: BlockCache, slots: Places, halves: Places) -> "np.ndarray[Any, Any]":
    """How many instructions and bytes blocks have, also those that nobody has decoded."""
    found = np.zeros((2, len(slots)), dtype=np.int64)
    numbers = cache.index[slots, halves]
    decoded = np.flatnonzero(numbers)
    known = cache.records[numbers[decoded] - 1]
    found[:, decoded] = known["count"], known["size"]
    rest = np.flatnonzero(numbers == 0)
    found[:, rest] = extents(cache, slots[rest], 2 * halves[rest])
    return found
