"""Where everything of the block cache lies in its one shared segment.

The segment is sparse: only what is used takes memory. A *slot* is one version of one code page:
its bytes as decoded (`original`) and as an engine that leaves some instructions to the host
fetches it (`fetched`, where each of those begins with `LeftToHost.half`). Of its bytes those are
*kept* of which something was made: `kept` has a bit for each half, as `met` has. Others may be made
those of RAM by the one vCPU that fetches from the slot, so that data beside code make no version.
"""

from typing import Any, TypeAlias

import numpy as np

from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.page import PAGE
from mttcg.tbcache.decode import INSTRUCTION

Array: TypeAlias = "np.ndarray[Any, Any]"
RECORDS = 1 << 20
INSTRUCTIONS = 1 << 23
MET_BYTES = HALVES // 8
"""Of a slot: a bit for each place at which a block begins that an engine met without having it
decoded here, the lowest first. Set by any vCPU at any time, in one step."""

HEADER = np.dtype([("slots", "<u8"), ("records", "<u8"), ("instructions", "<u8")])
SLOT = np.dtype(
    [
        ("page", "<u4"),  # physical page number, counted from the start of RAM
        ("tail", "<u4"),  # second half of an instruction that straddles the page's end
        ("hash", "<u8"),
        ("older", "<u4"),  # the version before this one, slot number + 1, or 0
        ("age", "<u4"),  # how many versions the page had before
        ("generation", "<u4"),  # grows each time the slot is given to other content
        ("users", "<u8"),  # bit per vCPU that fetches from it
        ("seen", "<u8"),  # virtual address plus 1 of the page, where one was translated last; or 0
    ],
    align=True,  # native code reads and writes these, too
)
HASH_FACTOR, HASH_STEP = 0x9E37_79B9_7F4A_7C15, 0x3C6E_F372_FE94_F82A
"""A slot's hash is the sum of its content's 64-bit words, each times a factor: the first has the
one, and each later one as much more as the other says (the golden ratio, and twice that)."""
TAIL_AT = {name: place for name, (_, place, *_) in (SLOT.fields or {}).items()}["tail"]
"""Byte offset of a slot's tail."""
RECORD = np.dtype(
    [
        ("slot", "<u4"),
        ("offset", "<u2"),
        ("size", "<u2"),  # bytes
        ("count", "<u2"),  # instructions
        ("accesses", "<u2"),
        ("atomics", "u1"),
        ("terminator", "u1"),  # Kind of the last instruction
        ("first", "<u4"),  # its instructions, in the pool
    ]
)


class CacheLayout:
    """Arrays over the segment of a machine with `pages` pages of RAM.

    But for `met`, written only under the cache's lock, content before the number that publishes it
    (`newest`, `index`), so a reader without the lock sees a whole entry or none.
    """

    def __init__(self, pages: int) -> None:
        sections: list[tuple[str, Any, int]] = [
            ("header", HEADER, 1),
            ("newest", np.dtype("<u4"), pages),
            ("slot", SLOT, SLOTS),
            ("index", np.dtype("<u4"), SLOTS * HALVES),
            ("record", RECORD, RECORDS),
            ("instruction", INSTRUCTION, INSTRUCTIONS),
            ("met", np.dtype("u1"), SLOTS * MET_BYTES),
            ("kept", np.dtype("u1"), SLOTS * MET_BYTES),
            ("original", np.dtype("u1"), SLOTS * PAGE),
            ("fetched", np.dtype("u1"), SLOTS * PAGE),
        ]
        self.sections: dict[str, tuple[int, Any, int]] = {}
        at = 0
        for name, dtype, count in sections:
            self.sections[name] = (at, dtype, count)
            at += -(-dtype.itemsize * count // PAGE) * PAGE
        self.size = at

    def array(self, segment: memoryview, name: str) -> Array:
        """The section `name` of the mapped segment."""
        at, dtype, count = self.sections[name]
        return np.frombuffer(segment, dtype=dtype, count=count, offset=at)

    def offset(self, name: str) -> int:
        """Byte offset of a section; a multiple of the page size."""
        return self.sections[name][0]
