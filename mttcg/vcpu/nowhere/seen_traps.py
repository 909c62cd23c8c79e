"""Which traps and interrupts a vCPU sees, where native code may take them by itself."""

from collections.abc import Callable

from mttcg.engine.base import NativeSystem
from mttcg.isa.system import Trap
from mttcg.vcpu.nowhere.trap_loops import TrapLoops

UNSEEN = 4096
"""Traps that are taken natively until the vCPU looks at one, whether the hart is in a trap loop."""


class SeenTraps:
    """Sees all while somebody wants it, and else now and then one, and those behind it that may be
    a trap loop.

    Args:
        native: of the engine; None if all are seen in any case.
        loops: looks at traps.
        watched: whether somebody is to be told of each trap and interrupt, or counts what a trap
            leaves.
    """

    def __init__(
        self, native: NativeSystem | None, loops: TrapLoops, watched: Callable[[], bool]
    ) -> None:
        self.native, self.loops, self.watched = native, loops, watched

    def follow(self) -> None:
        """Look at who wants to see them now."""
        self._catch_up()
        self._let(0 if self.watched() else UNSEEN)

    def look(self, trap: Trap) -> None:
        """Look at a trap before the hart takes it."""
        self._catch_up()
        self.loops.look(trap)
        self._let(0 if self.watched() or self.loops.suspects(trap) else UNSEEN)

    def _catch_up(self) -> None:
        passed = None if self.native is None else self.native.passed_traps()
        if passed is not None:
            self.loops.pass_over(*passed)

    def _let(self, number: int) -> None:
        if self.native is not None:
            self.native.let_traps(number, self.loops.last, self.loops.before)
