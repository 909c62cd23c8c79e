"""The block cache as one vCPU process uses it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mttcg.errors import MttcgError
from mttcg.isa.code import Code
from mttcg.isa.kind import Kind
from mttcg.memory.address import (
    Physical,
    PhysicalPage,
    Virtual,
    offset_in_page,
    page_start,
)
from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.page import PAGE
from mttcg.memory.ram import RamRange
from mttcg.tbcache.changes import ComparedPages, PageChanges
from mttcg.tbcache.decode import decode_block, word_at
from mttcg.tbcache.layout import (
    HASH_FACTOR,
    HASH_STEP,
    INSTRUCTIONS,
    MET_BYTES,
    RECORDS,
    Array,
    CacheLayout,
)
from mttcg.tbcache.left_to_host import NOTHING_LEFT, LeftToHost
from mttcg.tbcache.lock import SegmentLock
from mttcg.tbcache.used_slots import UsedSlots


class CacheFullError(MttcgError):
    """The shared cache has no room left for another code page or block."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(f"block cache: all {limit} {what} are in use")
        self.what, self.limit = what, limit


class OverlappingCodeError(MttcgError):
    """Two blocks read the same bytes as different instructions, one of them left to the host."""

    def __init__(self, address: Physical) -> None:
        where = f"block at {address:#x}"
        super().__init__(f"{where}: overlaps, out of step, an instruction run by the host")
        self.address = address


@dataclass(frozen=True)
class Block:
    """A decoded block: what every vCPU needs to know of it.

    `pc` is where it is run, which is not in the cache: other pages may have the same block.
    `instructions` is an array of `INSTRUCTION`; `size` is in bytes.
    """

    pc: Virtual
    slot: int
    size: int
    terminator: Kind
    accesses: int
    atomics: int
    instructions: Array

    @property
    def end(self) -> Virtual:
        """Address behind it."""
        return Virtual(self.pc + self.size)

    @property
    def pcs(self) -> list[Virtual]:
        """Address of each instruction."""
        start = page_start(self.pc)
        return [Virtual(start + int(offset)) for offset in self.instructions["offset"]]


FACTORS = np.arange(PAGE // 8, dtype=np.uint64) * np.uint64(HASH_STEP) + np.uint64(HASH_FACTOR)


def hash_of(content: Array) -> int:
    """A page's hash; contents with the same one are compared."""
    return int((content.view(np.uint64) * FACTORS).sum())


class BlockCache:
    """Look-up, decoding and versions of code pages; one object per vCPU process.

    Args:
        segment: the mapped shared segment, of `Layout(pages).size` bytes.
        descriptor: the segment's file, for its lock.
        ram: guest RAM as bytes.
        ram_base: where RAM begins.
        user: number of this vCPU, its bit in a slot's `users`.
        code: the guest's instructions.
        left_to_host: what is fetched in another form.

    Attributes:
        used: the slot that this vCPU fetches each page from.
        changes: finds the pages that have changed since.
    """

    def __init__(
        self,
        segment: memoryview,
        descriptor: int,
        ram: Array,
        ram_base: Physical,
        user: int,
        code: Code,
        left_to_host: LeftToHost = NOTHING_LEFT,
    ) -> None:
        self.ram, self.ram_range = ram, RamRange(ram_base, len(ram))
        self.layout = CacheLayout(self.ram_range.pages)
        self.lock = SegmentLock(descriptor)
        self.code, self.left_to_host = code, left_to_host
        self.bit = np.uint64(1 << user)
        self.header = self.layout.array(segment, "header")
        self.newest = self.layout.array(segment, "newest")
        self.slots = self.layout.array(segment, "slot")
        self.index = self.layout.array(segment, "index").reshape(-1, HALVES)
        self.met = self.layout.array(segment, "met").reshape(-1, MET_BYTES)
        self.kept = self.layout.array(segment, "kept").reshape(-1, MET_BYTES)
        self.records = self.layout.array(segment, "record")
        self.pool = self.layout.array(segment, "instruction")
        self.original = self.layout.array(segment, "original").reshape(-1, PAGE)
        self.fetched = self.layout.array(segment, "fetched").reshape(-1, PAGE)
        self.halves = self._bytes(segment, "original").cast("H")
        self.original_bytes = self._bytes(segment, "original")
        self.fetched_bytes = self._bytes(segment, "fetched")
        self.ram_halves = ram.data.cast("B").cast("H")
        self.used = UsedSlots(self.ram_range.pages)
        self.left: Callable[[int], None] = lambda slot: None
        self.changes: PageChanges = ComparedPages(self.used, self.is_changed)

    def _bytes(self, segment: memoryview, name: str) -> memoryview:
        at, _, size = self.layout.sections[name]
        return segment[at : at + size]

    def page_of(self, address: Physical) -> PhysicalPage:
        """The page of RAM that has an address."""
        return self.ram_range.page_of(address)

    def content(self, page: PhysicalPage) -> Array:
        """A copy of a page of RAM as it is now."""
        return self.ram[page * PAGE : (page + 1) * PAGE].copy()

    def tail(self, page: PhysicalPage) -> int:
        """What else belongs to a page's code: the half of an instruction that the next page has.

        The last 16 bits of the page may be data, or the end of an instruction: then it is of no
        use, and does no harm.
        """
        at = (page + 1) * HALVES
        straddles = self.ram_halves[at - 1] & 3 == 3 and at < len(self.ram_halves)
        return self.ram_halves[at] if straddles else 0

    def enter_page(self, page: PhysicalPage, half: int | None = None) -> tuple[int, bool]:
        """Fetch a page from now on as it is now: (slot, whether the slot had other content).

        The version is found by content, so one that comes back is not decoded again.

        half: what the next page has of its last instruction, if that is not the next one of RAM.
        """
        content, tail = self.content(page), self.tail(page) if half is None else half
        digest = hash_of(content)
        with self.lock:
            slot = self._find_version(page, content, digest, tail)
            recycled = False
            if slot is None:
                slot, recycled = self._new_slot(page, content, digest, tail)
            old = self.used.get(page)
            if old is not None:
                self.slots["users"][old] &= ~self.bit
                if old != slot:
                    self.left(old)
            self.slots["users"][slot] |= self.bit
            self.used.put(page, slot)
        self.changes.entered(page)
        return slot, recycled

    def _find_version(
        self, page: PhysicalPage, content: Array, digest: int, tail: int
    ) -> int | None:
        key = (digest, tail)
        link = int(self.newest[page])
        while link:
            slot = link - 1
            entry = self.slots[slot]
            if (int(entry["hash"]), int(entry["tail"])) == key and np.array_equal(
                self.original[slot], content
            ):
                return slot
            link = int(entry["older"])
        return None

    def _new_slot(
        self, page: PhysicalPage, content: Array, digest: int, tail: int
    ) -> tuple[int, bool]:
        slot = int(self.header["slots"][0])
        recycled = slot >= SLOTS
        if recycled:
            slot = self._unlink_unused()
        else:
            self.header["slots"] = slot + 1
        self.original[slot] = content
        self.fetched[slot] = content
        entry = self.slots[slot]
        entry["page"], entry["hash"], entry["users"] = page, digest, 0
        entry["tail"] = tail
        entry["older"] = self.newest[page]
        before = self.slots[int(self.newest[page]) - 1] if self.newest[page] else None
        entry["age"] = 0 if before is None else int(before["age"]) + 1
        entry["seen"] = 0 if before is None else before["seen"]
        entry["generation"] += 1
        self.newest[page] = slot + 1
        return slot, recycled

    def _unlink_unused(self) -> int:
        """Take a slot that no vCPU fetches from out of its page's chain."""
        free = np.flatnonzero(self.slots["users"][:SLOTS] == 0)
        if not len(free):
            raise CacheFullError("code pages", SLOTS)
        slot = int(free[0])
        page = self.page_in(slot)
        link = int(self.newest[page])
        if link == slot + 1:
            self.newest[page] = self.slots["older"][slot]
        else:
            while int(self.slots["older"][link - 1]) != slot + 1:
                link = int(self.slots["older"][link - 1])
            self.slots["older"][link - 1] = self.slots["older"][slot]
        self.index[slot] = 0
        self.met[slot] = self.kept[slot] = 0
        return slot

    def keep(self, slot: int, words: Mapping[int, int]) -> bool:
        """Keep instructions of a slot, words by offset; False if its bytes have changed by now.

        For those that make something of a slot's content beside records.
        """
        page = self.page_in(slot)
        with self.lock:
            if any(self.word_at(page, slot, offset) != word for offset, word in words.items()):
                return False
            for offset, word in words.items():
                self._keep(slot, offset, offset + self.code.length(word))
            return True

    def keep_all(self, slot: int) -> None:
        """Keep all of a slot's content."""
        with self.lock:
            self.kept[slot] = 0xFF

    def _keep(self, slot: int, begin: int, end: int) -> None:
        """Keep the bytes between two offsets. Under the lock."""
        for half in range(begin // 2, min(end // 2, HALVES)):
            byte, bit = divmod(half, 8)
            self.kept[slot, byte] |= 1 << bit

    def is_changed(self, page: PhysicalPage) -> bool:
        """Whether RAM no longer holds the version that this vCPU fetches a page from."""
        slot, now = self.used[page], self.ram[page * PAGE : (page + 1) * PAGE]
        same = np.array_equal(self.original[slot], now)
        return not same or int(self.slots["tail"][slot]) != self.tail(page)

    def changed_pages(self) -> list[PhysicalPage]:
        """Pages this vCPU fetches from a version that RAM no longer holds."""
        return self.changes.changed()

    def block(self, page: PhysicalPage, pc: Virtual) -> tuple[Block, bool]:
        """The block at a pc, on an entered page: the block, whether another had decoded it."""
        number, found = self.number(self.used[page], offset_in_page(pc))
        return self._view(pc, number), found

    def number(self, slot: int, offset: int) -> tuple[int, bool]:
        """The number of the block at an offset in a slot, and whether another had decoded it."""
        half = offset // 2
        number = int(self.index[slot, half])
        found = number != 0
        if not found:
            with self.lock:
                number = int(self.index[slot, half])
                found = number != 0
                if not found:
                    number = self._decode(slot, offset)
                    self.index[slot, half] = number
        return number - 1, found

    def is_known(self, slot: int, offset: int) -> bool:
        """Whether a block at an offset in a slot was decoded, or met."""
        byte, bit = divmod(offset // 2, 8)
        return bool(self.index[slot, offset // 2] or self.met[slot, byte] >> bit & 1)

    def known_blocks(self, slot: int) -> list[int]:
        """Offsets, in bytes, of the blocks in a slot that were decoded, or met, so far."""
        # other vCPUs may add to it meanwhile
        met = np.unpackbits(self.met[slot], bitorder="little")
        return (2 * np.flatnonzero(self.index[slot] | met)).tolist()

    def current_blocks(self, places: Iterable[tuple[int, PhysicalPage, Virtual]]) -> list[Block]:
        """The blocks at (slot, page, pc) that are fetched from that slot now; in order of pc."""
        current = [(pc, page) for slot, page, pc in places if self.used.get(page) == slot]
        return [self.block(page, pc)[0] for pc, page in sorted(current)]

    def _view(self, pc: Virtual, number: int) -> Block:
        record = self.records[number]
        first, count = int(record["first"]), int(record["count"])
        return Block(
            pc=pc,
            slot=int(record["slot"]),
            size=int(record["size"]),
            terminator=Kind(int(record["terminator"])),
            accesses=int(record["accesses"]),
            atomics=int(record["atomics"]),
            instructions=self.pool[first : first + count],
        )

    def page_in(self, slot: int) -> PhysicalPage:
        """The page that a slot has a version of."""
        return PhysicalPage(int(self.slots["page"][slot]))

    def address_of(self, slot: int, offset: int) -> Physical:
        """Where the byte at an offset in a slot is in RAM."""
        return Physical(self.ram_range.start_of(self.page_in(slot)) + offset)

    def see(self, slot: int, start: Virtual) -> None:
        """Say that a vCPU fetches a page by a virtual address that is translated.

        Any vCPU may at any time, in one store; which of several addresses is kept is open.
        """
        self.slots["seen"][slot] = start + 1

    def pc_of(self, slot: int, offset: int) -> Virtual:
        """The virtual address of the byte at an offset in a slot: where its page was seen last."""
        return Virtual(int(self.pcs_of(np.array(slot), np.array(offset))))

    def pcs_of(self, slots: Array, offsets: Array) -> Array:
        """The same for many."""
        seen = self.slots["seen"][slots]
        pages = self.slots["page"][slots].astype(np.uint64)
        untranslated = pages * np.uint64(PAGE) + np.uint64(self.ram_range.base)
        return np.where(seen, seen - np.minimum(seen, 1), untranslated) + offsets.astype(np.uint64)

    def half_at(self, page: PhysicalPage, slot: int, offset: int) -> int:
        """The 16 bits at an offset in a slot; at its end, those that straddle it."""
        if offset < PAGE:
            return self.halves[slot * HALVES + offset // 2]
        return int(self.slots["tail"][slot])

    def word_at(self, page: PhysicalPage, slot: int, offset: int) -> int:
        """The instruction at an offset in a slot, 16 or 32 bits."""
        return word_at(self.code, offset, lambda at: self.half_at(page, slot, at))

    def _decode(self, slot: int, offset: int) -> int:
        """Decode a block into the pool and the records; its number + 1. Under the lock."""
        number, end = int(self.header["records"][0]), int(self.header["instructions"][0])
        if number >= RECORDS:
            raise CacheFullError("blocks", RECORDS)
        first, instructions = self._within_another(slot, offset) or (
            end,
            decode_block(self.code, offset, lambda at: self.half_at(self.page_in(slot), slot, at)),
        )
        if first + len(instructions) > INSTRUCTIONS:
            raise CacheFullError("decoded instructions", INSTRUCTIONS)
        last = instructions[-1]
        kind = Kind(int(last["kind"]))
        size = int(last["offset"]) + int(last["length"]) - offset
        self._keep(slot, offset, offset + size)
        self._leave_to_host(slot, instructions, kind)
        if first == end:
            self.pool[first : first + len(instructions)] = instructions
        accesses, atomics = int(np.count_nonzero(instructions["access"])), kind is Kind.ATOMIC
        row = (slot, offset, size, len(instructions), accesses, atomics, kind, first)
        self.records[number] = row
        self.header["records"] = number + 1
        self.header["instructions"] = max(end, first + len(instructions))
        return number + 1

    def _within_another(self, slot: int, offset: int) -> "tuple[int, np.ndarray[Any, Any]] | None":
        """Where the pool has a block's instructions already, as the end of the one before it.

        So long code that is entered at many places is decoded once.
        """
        before = np.flatnonzero(self.index[slot, : offset // 2])
        if not len(before):
            return None
        record = self.records[int(self.index[slot, before[-1]]) - 1]
        first, count = int(record["first"]), int(record["count"])
        instructions = self.pool[first : first + count]
        skipped = int(np.searchsorted(instructions["offset"], offset))
        if skipped == count or int(instructions["offset"][skipped]) != offset:
            return None
        return first + skipped, instructions[skipped:]

    def _leave_to_host(self, slot: int, instructions: Array, kind: Kind) -> None:
        """Make a host instruction, which ends the block, illegal in the fetched page."""
        begin, last = int(instructions["offset"][0]), int(instructions["offset"][-1])
        left = kind in self.left_to_host.kinds
        end = min(last + (0 if left else int(instructions["length"][-1])), PAGE)
        at = slot * PAGE
        if self.original_bytes[at + begin : at + end] != self.fetched_bytes[at + begin : at + end]:
            raise OverlappingCodeError(self.address_of(slot, begin))
        if left:
            # one aligned 16-bit store, so a fetch sees the old half or the new one
            self.fetched[slot, last : last + 2].view("<u2")[0] = self.left_to_host.half
