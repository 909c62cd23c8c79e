"""Guest memory in code for translated addresses: rows of translations say where RAM is.

One look asks the row of a page whether all accesses of a group lie in it and are allowed, by the
tag for stores if there is one among them: what may be written may be read. A group that goes over
the page's end, or of which one access has to be looked at more closely, is left to the interpreter.
Rows change only outside of translated code, see `address_rows`.
"""

from mttcg.engine.llvm.address_rows import (
    DATA_MASK,
    DATA_SHIFT,
    DISTANCE,
    READ_TAG,
    WRITE_TAG,
)
from mttcg.engine.llvm.ir.forms import ROW, UNLIKELY
from mttcg.engine.llvm.ir.values import I64, BasicBlock, DeferredNumber, Pointer
from mttcg.engine.llvm.places import ROWS
from mttcg.engine.llvm.ram import Span, Spans
from mttcg.memory.page import PAGE

LONGEST = 1 << 8
"""Bytes that are looked at together, at most: more would often go over a page's end."""


class RowSpan(Span):
    """A span in one page.

    Attributes:
        tag: the number in the look that says which tag.
        distance: from virtual to physical addresses.
    """

    __slots__ = ("distance", "tag")

    distance: I64

    def __init__(self, low: int, high: int) -> None:
        super().__init__(low, high)
        self.tag = DeferredNumber("a span's tag")


class RowSpans(Spans):
    """What a straight-line piece accesses where addresses are translated."""

    longest, kind = LONGEST, RowSpan

    def _look(self, root: I64, span: Span, on: BasicBlock, off: BasicBlock) -> None:
        assert isinstance(span, RowSpan)
        build = self.builder
        first = build.binary("add", root, span.start)
        row, found = self._row_of(first), build.new_block("found")
        tag = build.load(build.offset(row, span.tag), ROW, I64)
        last = build.binary("add", root, span.limit)
        same = build.compare("eq", tag, build.binary("or", last, PAGE - 1))
        build.branch(same, found, off, UNLIKELY)
        build.begin(found)
        span.distance = build.load(build.offset(row, DISTANCE), ROW, I64)
        build.goto(on)

    def _row_of(self, address: I64) -> Pointer:
        build = self.builder
        place = build.binary("and", build.binary("lshr", address, DATA_SHIFT), DATA_MASK)
        return build.offset(ROWS, place)

    def _settle(self, span: Span) -> None:
        """The span grows no more."""
        assert isinstance(span, RowSpan)
        span.start.supply(span.low)
        span.limit.supply(span.high - 1)
        span.tag.supply(WRITE_TAG if span.stores else READ_TAG)

    def _host_address_in(self, span: Span, address: I64) -> Pointer:
        assert isinstance(span, RowSpan)
        return self.host_address(self.builder.binary("add", address, span.distance))

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
