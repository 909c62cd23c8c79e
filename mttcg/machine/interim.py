"""Results while the guest runs, every so many seconds."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mttcg.machine.outcome import interim_result
from mttcg.machine.result import RunResult
from mttcg.machine.watch import Watch

if TYPE_CHECKING:
    from mttcg.machine.machine import Run


class Interims:
    """Gives an interim result when one is due and every aggregator has reported since the last.

    One that does not report for as long again is not waited for.
    """

    def __init__(self, run: "Run", watch: Watch, show: Callable[[RunResult], None]) -> None:
        self.run, self.watch, self.show = run, watch, show
        self.seconds = run.config.interim
        self.due = time.monotonic() + self.seconds

    def look(self) -> None:
        """Look whether it is time; called several times a second."""
        now = time.monotonic()
        if now < self.due or (self._waits() and now < self.due + self.seconds):
            return
        self.show(interim_result(self.run, self.watch))
        assert self.run.delivery is not None
        for aggregator in self.run.delivery.aggregators:
            aggregator.news = False
        self.due = time.monotonic() + self.seconds

    def _waits(self) -> bool:
        assert self.run.delivery is not None
        aggregators = self.run.delivery.aggregators
        return any(not one.news and one.ended() is None for one in aggregators)
