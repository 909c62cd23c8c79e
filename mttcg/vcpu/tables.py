"""Reading a block table: its counts as records, with what the block cache knows of each block."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mttcg.instrument.events import EXECUTIONS, INSTRUCTION_EXECUTIONS
from mttcg.memory.address import Virtual, offset_in_page
from mttcg.memory.code_pages import HALVES
from mttcg.tbcache.cache import Block, BlockCache
from mttcg.tbcache.decode import decode_block

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
    records = [
        (pc_of(place, cache), executions, place.word)
        for place, executions in executions_of_blocks(words, cache).items()
        if executions > 0
    ]
    return np.array(records, dtype=INSTRUCTION_EXECUTIONS)


def executions_of_blocks(
    words: "np.ndarray[Any, Any]", cache: BlockCache
) -> "dict[CodePlace, int]":
    """How often each instruction was executed if each block was as often as `words` say."""
    slots = int(cache.header["slots"][0])
    found: dict[CodePlace, int] = {}
    for number in np.flatnonzero(words[: slots * HALVES]).tolist():
        slot, half = divmod(number, HALVES)
        half_at = partial(cache.half_at, cache.page_in(slot), slot)
        executions = int(words[number].astype(np.int64))
        for row in decode_block(cache.code, 2 * half, half_at):
            place = CodePlace(slot, int(row["offset"]), int(row["word"]))
            found[place] = found.get(place, 0) + executions
    return found


def pc_of(place: CodePlace, cache: BlockCache) -> Virtual:
    """The address of an instruction."""
    return cache.pc_of(place.slot, place.offset)


def executed_blocks(words: "np.ndarray[Any, Any]", cache: BlockCache) -> "np.ndarray[Any, Any]":
    """The blocks with a count, as `events.EXECUTIONS` records in order of slot and offset.

    Args:
        words: a vCPU's words of a BlockTable, one per half of each slot.
        cache: the block cache; only slots in use are looked at, as the table is sparse.
    """
    slots = int(cache.header["slots"][0])
    places = np.flatnonzero(words[: slots * HALVES])
    records = np.zeros(len(places), dtype=EXECUTIONS)
    records["executions"] = words[places]
    for record, place in zip(records, places, strict=True):
        slot, half = divmod(int(place), HALVES)
        record["pc"] = cache.pc_of(slot, 2 * half)
        record["instructions"], record["size"] = _extent(cache, slot, 2 * half)
        code = cache.original[slot, 2 * half : 2 * half + min(int(record["size"]), CODE_BYTES)]
        record["code"][: len(code)] = code
    return records


def _extent(cache: BlockCache, slot: int, offset: int) -> tuple[int, int]:
    """How many instructions and bytes a block has, which better code may have come to first."""
    if cache.is_known(slot, offset):
        known = cache.records[cache.number(slot, offset)[0]]
        return int(known["count"]), int(known["size"])
    page = cache.page_in(slot)
    found = decode_block(cache.code, offset, lambda at: cache.half_at(page, slot, at))
    return len(found), int(found["length"].sum())
