"""Counters of all that a hart runs, or of all in a scope: they follow the hart's own counts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mttcg.instrument.api.changes import Where
from mttcg.instrument.api.targets import Counter
from mttcg.instrument.plan.plan import FollowedCounter
from mttcg.isa.context import Scope
from mttcg.isa.system import System
from mttcg.memory.host import address_of_array
from mttcg.state.vcpu_state import VcpuState

COUNTER_COLUMN = {Where.INSTRUCTION: 1, Where.BLOCK: 2}
"""The word of a Counter that follows the hart's own count, see `targets.COUNTER_WORDS`."""
HART_COUNT = {Where.INSTRUCTION: "instructions", Where.BLOCK: "blocks"}
"""The field of the hart's state that it follows."""


class FollowedCounters:
    """Those of one vCPU; native code does the same as the context changes while it runs.

    Args:
        hart: the vCPU's.
        system: of its ISA.
        words: gives a Counter's words of this vCPU.

    Attributes:
        marks: those that the context is to have, see `mttcg.isa.context`.
    """

    def __init__(
        self, hart: VcpuState, system: System[Any], words: Callable[[Counter], Any]
    ) -> None:
        self.hart, self.system, self.words = hart, system, words
        self.scopes: dict[tuple[Counter, Where], Scope] = {}
        self.marks = 0

    def start(self, counter: Counter, where: Where, scope: Scope) -> FollowedCounter:
        """Let a counter follow the hart's count from here on, where that is in a scope."""
        if scope.holds(self.hart.context):
            self._begin(counter, where)
        self.scopes[counter, where] = scope
        place = address_of_array(self.words(counter)), COUNTER_COLUMN[where]
        return FollowedCounter(scope, *place, HART_COUNT[where])

    def stop(self, counter: Counter, where: Where) -> None:
        """Add what was counted since, and follow no longer."""
        del self.scopes[counter, where]
        self._end(counter, where)

    def follow_context(self) -> None:
        """Follow the hart's context, as it is about to run."""
        before, now = self.hart.context, self.system.context(self.hart) | self.marks
        if before == now:
            return
        self.hart.context = now
        for (counter, where), scope in self.scopes.items():
            if scope.holds(before) and not scope.holds(now):
                self._end(counter, where)
            elif scope.holds(now) and not scope.holds(before):
                self._begin(counter, where)

    def _begin(self, counter: Counter, where: Where) -> None:
        self.words(counter)[COUNTER_COLUMN[where]] = self._count(where) + 1

    def _end(self, counter: Counter, where: Where) -> None:
        words, column = self.words(counter), COUNTER_COLUMN[where]
        if words[column]:
            words[0] += np.uint64(self._count(where) + 1 - int(words[column]))
            words[column] = 0

    def _count(self, where: Where) -> int:
        return int(getattr(self.hart, HART_COUNT[where]))
