"""Guest memory in translated code: the one place that knows how a guest address becomes a host's.

Before an access is made, code looks whether it is to plain RAM. Accesses of a straight-line piece
that lie at constant distances from one value are looked at together, before the first of them: all
are made, unless the piece is left before its end. Where such a look fails the first access alone
is made by the host, and what follows it looks anew.

The rounds of a loop that are emitted one after the other may be looked at together as well, though
the loop may end before all are made: where that look fails there is a round by itself to retreat
to, which looks for itself alone. It is there as long as the first round has done nothing that it
may not do twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mttcg.engine.llvm.text import UNLIKELY, Text
from mttcg.memory.page import PAGE

LONGEST_SPAN = 1 << 13
"""Bytes that are looked at together, at most."""


@dataclass(frozen=True)
class Ram:
    """Guest RAM: its address, its bytes, and the numbers of its pages that hold a device."""

    base: int
    size: int
    device_pages: tuple[int, ...] = ()


@dataclass
class Span:
    """Bytes from `low` up to `high`, counted from a value; looked at on `line` of the text.

    `retreats`: whether a look that fails has somewhere to go, so that it may be for further rounds.
    """

    line: int
    label: str
    low: int
    high: int
    retreats: bool = False


class Spans:
    """What a straight-line piece accesses.

    Args:
        text: where to.
        ram: guest RAM, and which of its pages are not plain.
        leave: writes, out of line, how to leave at an access to an address.

    Attributes:
        retreat: where a look that fails goes instead, "" if it has to leave.
        retreated: whether one does.
    """

    def __init__(self, text: Text, ram: Ram, leave: Callable[[list[str], str], None]) -> None:
        self.text, self.ram, self.leave = text, ram, leave
        self.retreat, self.retreated = "", False
        self.spans: dict[str, Span] = {}
        self.sums: dict[str, tuple[str, int]] = {}

    def add(self, total: str, value: str, constant: int) -> None:
        """Learn that `total` is `value` and a constant."""
        root, distance = self._sum(value)
        self.sums[total] = root, distance + constant

    def end_round(self) -> None:
        """End a round of a loop, behind which is the next: what can't retreat is looked at now."""
        self.retreat = ""
        for root in [root for root, span in self.spans.items() if not span.retreats]:
            self._look(root, self.spans.pop(root))

    def end(self) -> None:
        """End the piece."""
        self.retreat = ""
        for root, span in self.spans.items():
            self._look(root, span)
        self.spans.clear()
        self.sums.clear()

    def place(self, address: str, size: int) -> str:
        """The host address for a load or store."""
        root, distance = self._sum(address)
        span = self.spans.get(root)
        low, high = distance, distance + size
        if span is not None:
            low, high = min(low, span.low), max(high, span.high)
        if span is not None and high - low <= min(LONGEST_SPAN, self.ram.size):
            span.low, span.high = low, high
        else:
            self._begin(root, address, Span(len(self.text.lines), "", distance, distance + size))
        return self.host_address(address)

    def host_address(self, address: str) -> str:
        """Where RAM that the guest has at an address is."""
        return self.text.value(f"getelementptr i8, ptr %origin, i64 {address}")

    def inside(self, address: str, size: int) -> str:
        """The bit whether an access is to RAM."""
        offset = self.text.value(f"sub i64 {address}, {self.ram.base}")
        return self.text.value(f"icmp ult i64 {offset}, {self.ram.size - size + 1}")

    def _sum(self, value: str) -> tuple[str, int]:
        return self.sums.get(value, (value, 0))

    def _begin(self, root: str, address: str, span: Span) -> None:
        text = self.text
        span.label = text.name()[1:]
        text.do("")
        text.cold.append(f"off{span.label}:")
        if self.retreat:
            span.retreats = self.retreated = True
            text.cold.append(f"br label %{self.retreat}")
        else:
            self.leave(text.cold, address)
        text.do(f"on{span.label}:")
        if root in self.spans or self.ram.device_pages:
            self._look(root, span)
        else:
            self.spans[root] = span

    def _look(self, root: str, span: Span) -> None:
        label, length = span.label, span.high - span.low
        lines = [
            f"%low{label} = add i64 {root}, {span.low - self.ram.base}",
            f"%plain{label} = icmp ult i64 %low{label}, {self.ram.size - length + 1}",
        ]
        plain = f"%plain{label}"
        for device in self.ram.device_pages:
            page, other, both = (self.text.name() for _ in range(3))
            lines += [
                f"{page} = and i64 %low{label}, {-PAGE}",
                f"{other} = icmp ne i64 {page}, {PAGE * device}",
                f"{both} = and i1 {plain}, {other}",
            ]
            plain = both
        lines.append(f"br i1 {plain}, label %on{label}, label %off{label}, {UNLIKELY}")
        self.text.lines[span.line] = "\n".join(lines)
