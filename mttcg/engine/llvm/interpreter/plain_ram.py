"""Guest memory in handlers: where RAM is, and which of it is plain, is in the frame.

Most of RAM is in one stretch without devices, the *window*. What is outside of it is looked at more
closely: it may be on the other side of a device.
"""

from itertools import pairwise

from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, Pointer
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
    """

    def __init__(self, builder: Builder, segment: Segment, exits: Exits) -> None:
        super().__init__(builder, Ram(Physical(0), 0), segment, exits)

    def add(self, total: I64, value: I64, constant: int) -> None:
        """Nothing to learn: a handler makes one access."""

    def place(self, address: I64, size: int) -> Pointer:
        """The host address for a load or store."""
        build = self.builder
        offset = build.binary("sub", address, frame_word(build, Word.WINDOW))
        limit = build.binary("sub", frame_word(build, Word.WINDOW_BYTES), size - 1)
        on, off, plain = (build.new_block(word) for word in ("on", "off", "plain"))
        leave = build.new_block("leave")
        build.branch(build.compare("ult", offset, limit), on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            build.branch(self.inside(address, size), plain, leave)
            build.begin(plain)
            build.branch(self._is_at_device(address, size), leave, on)
            build.begin(leave)
            self.exits.leave_at_access(address)
        build.begin(on)
        return self.host_address(address)

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
        Word.WINDOW_BYTES: window_bytes,
        Word.DEVICES: ram.base + PAGE * devices[0],
        Word.DEVICES_BYTES: PAGE * (devices[1] - devices[0]),
    }
