"""Guest memory in translated code: the one place that knows how a guest address becomes a host's.

Code makes an access itself only if it is to plain RAM: not to a device, nor to where nothing is.
Each look costs, so there are as few as possible. A straight-line piece has one look for all
accesses that lie at constant distances from one value, before the first of them. It may fail though
the first access alone would be good; then the host makes that one, and what follows looks anew.

The rounds of a loop that are emitted one after the other share their looks as well. The loop may
end before it has made all those accesses. So where such a look fails, the round is restarted in a
copy of the loop's code that looks for one round alone. That is possible as long as the round has
done nothing that it may not do twice.
"""

from dataclasses import dataclass

from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Reason
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, BasicBlock, DeferredNumber, Pointer, Relative
from mttcg.engine.llvm.places import BASE, ORIGIN
from mttcg.engine.llvm.segment import Segment
from mttcg.memory.address import Physical, PhysicalPage
from mttcg.memory.page import PAGE
from mttcg.memory.ram import RamRange

LONGEST_SPAN = 1 << 13
"""Bytes that are looked at together, at most."""


@dataclass(frozen=True)
class Ram:
    """Guest RAM: its address, its bytes, and its pages that hold a device."""

    base: Physical
    size: int
    device_pages: tuple[PhysicalPage, ...] = ()

    @property
    def range(self) -> RamRange:
        """Where it is."""
        return RamRange(self.base, self.size)


class Span:
    """Bytes from `low` up to `high`, counted from a value, for which there is one look.

    Attributes:
        restarts: whether the round is restarted where the look fails, so that it may be for
            further rounds.
        stores: whether an access stores.
        start, limit: the numbers in the look, which are known when the span is.
    """

    __slots__ = ("high", "limit", "low", "restarts", "start", "stores")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.restarts = self.stores = False
        self.start, self.limit = DeferredNumber("a span's start"), DeferredNumber("a span's limit")


class Spans:
    """What a straight-line piece accesses.

    Args:
        builder: of the function.
        ram: guest RAM, and which of its pages are not plain.
        segment: that is being emitted.
        exits: how to leave at an access.

    Attributes:
        restarted: where the segment is restarted.
    """

    longest, kind = LONGEST_SPAN, Span

    def __init__(self, builder: Builder, ram: Ram, segment: Segment, exits: Exits) -> None:
        self.builder, self.ram, self.segment, self.exits = builder, ram, segment, exits
        self.restarted: set[BasicBlock] = set()
        self.spans: dict[I64, Span] = {}
        self.sums: dict[I64, tuple[I64, int]] = {}

    def add(self, total: I64, value: I64, constant: int) -> None:
        """Learn that `total` is `value` and a constant."""
        root, distance = self._sum(value)
        self.sums[total] = root, distance + constant

    def end_round(self) -> None:
        """End a round of a loop, before the next: looks that restart nothing are for one alone."""
        self.segment.restart = None
        for root in [root for root, span in self.spans.items() if not span.restarts]:
            self._settle(self.spans.pop(root))

    def end(self) -> None:
        """End the piece."""
        self.segment.restart = None
        for span in self.spans.values():
            self._settle(span)
        self.spans.clear()
        self.sums.clear()

    def place(self, address: I64, size: int, stores: bool = False) -> Pointer:
        """The host address for a load, or a store."""
        root, distance = self._sum(address)
        span = self.spans.get(root)
        low, high = distance, distance + size
        if span is not None:
            low, high = min(low, span.low), max(high, span.high)
        if span is not None and high - low <= min(self.longest, self.ram.size):
            span.low, span.high = low, high
        else:
            span = self.kind(distance, distance + size)
            span.stores = stores
            self._begin(root, address, span)
        span.stores |= stores
        return self._host_address_in(span, address)

    def _host_address_in(self, span: Span, address: I64) -> Pointer:
        """Where an access is that a span's look is for."""
        return self.host_address(address)

    def atomic_place(self, address: I64, size: int, stores: bool) -> tuple[Pointer, I64]:
        """The host address for an atomic, which is aligned, and the physical one."""
        self.exits.leave_unless(self.inside(address, size), Reason.ATOMIC_ACCESS, address)
        return self.host_address(address), address

    def host_address(self, address: I64) -> Pointer:
        """Where RAM that the guest has at a physical address is."""
        return self.builder.offset(ORIGIN, address)

    def inside(self, address: I64, size: int) -> I1:
        """The bit whether an access is to RAM."""
        offset = self.builder.binary("sub", address, self.ram.base)
        return self.builder.compare("ult", offset, self.ram.size - size + 1)

    def _sum(self, value: I64) -> tuple[I64, int]:
        if isinstance(value, Relative):
            return BASE, value.distance
        return self.sums.get(value, (value, 0))

    def _begin(self, root: I64, address: I64, span: Span) -> None:
        """Look, for `off` where the access is not plain, or `on`."""
        build = self.builder
        on, off = build.new_block("on"), build.new_block("off")
        self._look(root, span, on, off)
        with build.cold():
            build.begin(off)
            if self.segment.restart is not None:
                span.restarts = True
                self.restarted.add(self.segment.restart)
                build.goto(self.segment.restart)
            else:
                self.exits.leave_at_access(address)
        build.begin(on)
        if root in self.spans or self.ram.device_pages:
            self._settle(span)
        else:
            self.spans[root] = span

    def _look(self, root: I64, span: Span, on: BasicBlock, off: BasicBlock) -> None:
        build = self.builder
        low = build.binary("add", root, span.start)
        plain = build.compare("ult", low, span.limit)
        for device in self.ram.device_pages:
            page = build.binary("and", low, -PAGE)
            other = build.compare("ne", page, PAGE * device)
            plain = build.binary("and", plain, other)
        build.branch(plain, on, off, UNLIKELY)

    def _settle(self, span: Span) -> None:
        """The span grows no more."""
        span.start.supply(span.low - self.ram.base)
        span.limit.supply(self.ram.size - (span.high - span.low) + 1)
