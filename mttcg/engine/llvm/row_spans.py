"""Guest memory in code for translated addresses: rows of translations say where RAM is.

One look asks the row of a page whether all accesses of a group lie in it and are allowed, by the
tag for stores if there is one among them: what may be written may be read. A group that goes over
the page's end, or of which one access has to be looked at more closely, is left to the interpreter.
Rows change only outside of translated code, see `address_rows`. In loops there is a page window in
front of the row, see `page_windows`.
"""

from mttcg.engine.llvm.address_rows import (
    DATA_MASK,
    DATA_SHIFT,
    DISTANCE,
    READ_TAG,
    WRITE_TAG,
)
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import REGISTER, ROW, UNLIKELY
from mttcg.engine.llvm.ir.values import I64, BasicBlock, DeferredNumber, Pointer
from mttcg.engine.llvm.page_windows import PageWindow, PageWindows, RowQuestion
from mttcg.engine.llvm.places import ROWS
from mttcg.engine.llvm.ram import Ram, Span, Spans
from mttcg.engine.llvm.segment import Segment
from mttcg.memory.page import PAGE

LONGEST = 1 << 8
"""Bytes that are looked at together, at most: more would often go over a page's end."""


class RowSpan(Span):
    """A span in one page.

    Attributes:
        tag: the number in the look that says which tag.
        origin: the host address that the guest's address 0 would have, were all in that page.
        window: that it has, if it has one, and `question`, what the rows are asked for it.
    """

    __slots__ = ("origin", "question", "tag", "window")

    origin: Pointer

    def __init__(self, low: int, high: int) -> None:
        super().__init__(low, high)
        self.tag = DeferredNumber("a span's tag")
        self.window: PageWindow | None = None
        self.question: RowQuestion | None = None


class RowSpans(Spans):
    """What a straight-line piece accesses where addresses are translated."""

    longest, kind = LONGEST, RowSpan

    def __init__(
        self, builder: Builder, ram: Ram, segment: Segment, exits: Exits, windows: PageWindows
    ) -> None:
        super().__init__(builder, ram, segment, exits)
        self.windows = windows

    def _begin(self, root: I64, address: I64, span: Span) -> None:
        assert isinstance(span, RowSpan)
        super()._begin(root, address, span)
        if span.window is not None:
            self._take_origin(span, span.window)

    def _look(self, root: I64, span: Span, on: BasicBlock, off: BasicBlock) -> None:
        assert isinstance(span, RowSpan)
        span.window = self.windows.window_at(self.segment.place.offset)
        if span.window is not None:
            self._look_at_window(root, span, span.window, on, off)
            return
        build = self.builder
        first = build.binary("add", root, span.start)
        row, found = self._row_of(first), build.new_block("found")
        tag = build.load(build.offset(row, span.tag), ROW, I64)
        last = build.binary("add", root, span.limit)
        same = build.compare("eq", tag, build.binary("or", last, PAGE - 1))
        build.branch(same, found, off, UNLIKELY)
        build.begin(found)
        distance = build.load(build.offset(row, DISTANCE), ROW, I64)
        span.origin = self.host_address(distance)
        build.goto(on)

    def _look_at_window(
        self, root: I64, span: RowSpan, window: PageWindow, on: BasicBlock, off: BasicBlock
    ) -> None:
        """The row is asked elsewhere, or by the round alone if that is restarted."""
        build, ask = self.builder, off
        first = build.binary("add", root, span.start)
        if self.segment.restart is None:
            ask = build.new_block("ask")
            span.question = RowQuestion(first, ask, on, off, span.high - span.low)
            window.questions.append(span.question)
        build.branch(self.windows.holds(window, first), on, ask, UNLIKELY)

    def _take_origin(self, span: RowSpan, window: PageWindow) -> None:
        host = self.builder.load(window.host, REGISTER, I64)
        span.origin = self.builder.cast("inttoptr", host, Pointer)

    def _row_of(self, address: I64) -> Pointer:
        build = self.builder
        place = build.binary("and", build.binary("lshr", address, DATA_SHIFT), DATA_MASK)
        return build.offset(ROWS, place)

    def _settle(self, span: Span) -> None:
        """The span grows no more."""
        assert isinstance(span, RowSpan)
        span.start.supply(span.low)
        if span.window is None:
            span.limit.supply(span.high - 1)
            span.tag.supply(WRITE_TAG if span.stores else READ_TAG)
        else:
            span.window.learn(span.high - span.low, span.stores)
            if span.question is not None:
                span.question.length = span.high - span.low
                span.question.stores = span.stores

    def _host_address_in(self, span: Span, address: I64) -> Pointer:
        assert isinstance(span, RowSpan)
        return self.builder.offset(span.origin, address)

    def atomic_place(self, address: I64, size: int, stores: bool) -> tuple[Pointer, I64]:
        """The host address for an atomic, which is aligned, and the physical one."""
        build = self.builder
        row, on, off = self._row_of(address), build.new_block("on"), build.new_block("off")
        tag = build.load(build.offset(row, WRITE_TAG if stores else READ_TAG), ROW, I64)
        same = build.compare("eq", tag, build.binary("or", address, PAGE - 1))
        build.branch(same, on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            self.exits.leave_at_access(address)
        build.begin(on)
        distance = build.load(build.offset(row, DISTANCE), ROW, I64)
        physical = build.binary("add", address, distance)
        return self.host_address(physical), physical
