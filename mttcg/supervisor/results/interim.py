"""Results while the guest runs, every so many seconds."""

import time
from collections.abc import Callable

from mttcg.supervisor.results.outcome import interim_result
from mttcg.supervisor.results.result import RunResult
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.watch import Watch


class Interims:
    """Gives an interim result when one is due and every aggregator has reported since the last.

    One that does not report for as long again is not waited for.
    """

    def __init__(self, run: RunState, watch: Watch, show: Callable[[RunResult], None]) -> None:
        self.run, self.watch, self.show = run, watch, show
        self.seconds = run.config.interim
        self.due = time.monotonic() + self.seconds

    def look(self) -> None:
        """Look whether it is time; called several times a second."""
        now = time.monotonic()
        if now < self.due or (self._waits() and now < self.due + self.seconds):
            return
        self.show(interim_result(self.run, self.watch))
        for aggregator in self.run.aggregators:
            aggregator.await_news()
        self.due = time.monotonic() + self.seconds

    def _waits(self) -> bool:
        aggregators = self.run.aggregators
        return any(not one.news and one.ended() is None for one in aggregators)
