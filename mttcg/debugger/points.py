"""The points at which a debugger wants harts to stop (GDB manual, E.2, `z` and `Z` packets)."""

from mttcg.debugger.guest import Point, RefusedError
from mttcg.debugger.memory import place_of
from mttcg.vcpu.protocol.stop_point import MOST_WATCHED, Reason
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

KINDS = {
    b"0": (Reason.BREAKPOINT, b"swbreak"),
    b"1": (Reason.BREAKPOINT, b"hwbreak"),
    b"2": (Reason.WRITE, b"watch"),
    b"3": (Reason.READ, b"rwatch"),
    b"4": (Reason.ACCESS, b"awatch"),
}
"""By their numbers: what they are, and their words in what is told of a stop."""
END = 1 << 64
"""Of all addresses."""


class Points:
    """Those of one debugger.

    Attributes:
        wanted: each with the numbers of its kinds.
    """

    def __init__(self) -> None:
        self.wanted: dict[Point, set[bytes]] = {}

    def change(self, add: bool, rest: bytes) -> bool:
        """KIND,ADDRESS,SIZE: add a point, or take it away; whether there is such a kind.

        Raises RefusedError for a place that no hart can watch, and for one too many.
        """
        kind, _, place = rest.split(b";")[0].partition(b",")
        if kind not in KINDS:
            return False
        address, size = place_of(place)
        reason = KINDS[kind][0]
        point = Point(reason, address, 0 if reason is Reason.BREAKPOINT else size)
        if add and point not in self.wanted:
            self._check(point)
        kinds = self.wanted.setdefault(point, set())
        (kinds.add if add else kinds.discard)(kind)
        if not kinds:
            del self.wanted[point]
        return True

    def _check(self, point: Point) -> None:
        if point.kind is Reason.BREAKPOINT:
            return
        if not point.size or point.address + point.size > END:
            raise RefusedError(f"there are no {point.size} bytes at {point.address:#x} to watch")
        if sum(each.kind is not Reason.BREAKPOINT for each in self.wanted) == MOST_WATCHED:
            raise RefusedError(f"{MOST_WATCHED} places are watched already, and no more can be")

    def of(self, stop: HartStopped) -> bytes | None:
        """Which of them a stop is of, as it is told; None if none is."""
        for point, kinds in self.wanted.items():
            word, is_break = KINDS[min(kinds)][1], point.kind is Reason.BREAKPOINT
            if is_break and stop.reason == Reason.BREAKPOINT and point.address == stop.pc:
                return b"%s:;" % word
            if not is_break and stop.reason == Reason.ACCESS and point.address == stop.address:
                return b"%s:%x;" % (word, point.address)
        return None
