"""Guest memory in handlers: where RAM is, and which of it is plain, is in the frame.

Most of RAM is in one stretch without devices, the *window*. What is outside of it is looked at more
closely: it may be on the other side of a device. Where addresses are translated there is no window,
so all is looked for in rows of translations (`address_rows`); what has no row is translated in
the second half of a handler.
"""

from itertools import pairwise

from mttcg.engine.llvm.address_rows import (
    DATA_MASK,
    DATA_SHIFT,
    DISTANCE,
    READ_TAG,
    WRITE_TAG,
)
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, BasicBlock, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.engine.llvm.ram import Ram, Spans
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.signature import frame_word
from mttcg.memory.address import Physical
from mttcg.memory.page import PAGE


class PlainRam(Spans):
    """Accesses, each with a look of its own.

    Args:
        builder: of the function.
        segment: that is being emitted.
        exits: how to leave at an access.
        translates: whether the ISA has address translation.
    """

    def __init__(
        self, builder: Builder, segment: Segment, exits: Exits, translates: bool = False
    ) -> None:
        super().__init__(builder, Ram(Physical(0), 0), segment, exits)
        self.translates = translates

    def add(self, total: I64, value: I64, constant: int) -> None:
        """Nothing to learn: a handler makes one access."""

    def place(self, address: I64, size: int, stores: bool = False) -> Pointer:
        """The host address for a load, or a store."""
        return self.host_address(self._physical(address, size, stores))

    def atomic_place(self, address: I64, size: int, stores: bool) -> tuple[Pointer, I64]:
        """The host address for an atomic, and the physical one."""
        if not self.translates:
            return super().atomic_place(address, size, stores)
        physical = self._physical(address, size, stores)
        return self.host_address(physical), physical

    def _physical(self, address: I64, size: int, stores: bool) -> I64:
        build = self.builder
        offset = build.binary("sub", address, frame_word(build, Word.WINDOW))
        on, off, before = build.new_block("on"), build.new_block("off"), build.block
        within = build.compare("ult", offset, frame_word(build, Word.WINDOW_BYTES))
        build.branch(within, on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            if self.translates:
                moved = self._look_in_rows(address, size, stores, on)
            else:
                self._look_closely(address, size, on)
                moved = address
            end = build.block
        build.begin(on)
        return build.phi(I64, (address, before), (moved, end))

    def _look_closely(self, address: I64, size: int, on: BasicBlock) -> None:
        """Go on if the access is to plain RAM all the same, from the last block here."""
        build = self.builder
        plain, leave = build.new_block("plain"), build.new_block("leave")
        build.branch(self.inside(address, size), plain, leave)
        build.begin(leave)
        self.exits.leave_at_access(address)
        build.begin(plain)
        build.branch(self._is_at_device(address, size), leave, on)

    def _look_in_rows(self, address: I64, size: int, stores: bool, on: BasicBlock) -> I64:
        """Go on if the page has a row that allows the access; the physical address."""
        build = self.builder
        found, leave = build.new_block("found"), build.new_block("leave")
        distance = build.binary("and", build.binary("lshr", address, DATA_SHIFT), DATA_MASK)
        rows = build.load(build.offset(FRAME, 8 * Word.DATA_ROWS), COUNTER, Pointer)
        row = build.offset(rows, distance)
        tag = build.load(build.offset(row, WRITE_TAG if stores else READ_TAG), UNKNOWN, I64)
        last = build.binary("add", address, size - 1) if size > 1 else address
        same = build.compare("eq", tag, build.binary("or", last, PAGE - 1))
        build.branch(same, found, leave)
        build.begin(leave)
        self.exits.leave_at_access(address)
        build.begin(found)
        moved = build.binary("add", address, build.load(build.offset(row, DISTANCE), UNKNOWN, I64))
        build.goto(on)
        return moved

    def inside(self, address: I64, size: int) -> I1:
        """The bit whether an access is to RAM."""
        build = self.builder
        offset = build.binary("sub", address, frame_word(build, Word.RAM))
        limit = build.binary("sub", frame_word(build, Word.RAM_BYTES), size - 1)
        return build.compare("ult", offset, limit)

    def _is_at_device(self, address: I64, size: int) -> I1:
        """The bit whether an access touches a page from the first with a device to the last."""
        build = self.builder
        behind = build.binary("add", address, size - 1)
        offset = build.binary("sub", behind, frame_word(build, Word.DEVICES))
        limit = build.binary("add", frame_word(build, Word.DEVICES_BYTES), size - 1)
        return build.compare("ult", offset, limit)


LESS = 7
"""What the longest access has behind its first byte."""


def ram_words(ram: Ram) -> dict[Word, int]:
    """What the frame has of RAM, of which not every page may hold a device."""
    pages = sorted(ram.device_pages)
    ends = [-1, *pages, ram.range.pages]
    gaps = [(low + 1, high) for low, high in pairwise(ends)]
    first, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    # without devices RAM need not end where a page does
    window_bytes = PAGE * (end - first) if pages else ram.size
    devices = (pages[0], pages[-1] + 1) if pages else (0, 0)
    return {
        Word.RAM: ram.base,
        Word.RAM_BYTES: ram.size,
        Word.WINDOW: ram.base + PAGE * first,
        Word.WINDOW_BYTES: max(window_bytes - LESS, 0),
        Word.PLAIN_BYTES: max(window_bytes - LESS, 0),
        Word.FETCH_BASE: ram.base,
        Word.FETCH_BYTES: ram.size,
        Word.DEVICES: ram.base + PAGE * devices[0],
        Word.DEVICES_BYTES: PAGE * (devices[1] - devices[0]),
    }
