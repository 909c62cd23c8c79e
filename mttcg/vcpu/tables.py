"""Reading a block table: its counts as records, with what the block cache knows of each block."""

from typing import Any

import numpy as np

from mttcg.instrument.events import EXECUTIONS
from mttcg.isa.riscv64.decode import PAGE
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.layout import HALVES

CODE_BYTES = EXECUTIONS["code"].itemsize
"""Longer blocks are cut."""


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
        page = cache.ram_base + int(cache.slots["page"][slot]) * PAGE
        record["pc"] = page + 2 * half
        number = int(cache.index[slot, half])
        if number:
            known = cache.records[number - 1]
            record["instructions"], record["size"] = known["count"], known["size"]
        code = cache.original[slot, 2 * half : 2 * half + min(int(record["size"]), CODE_BYTES)]
        record["code"][: len(code)] = code
    return records
