"""A campaign's course: what is to be done, lost runs again, each result kept as it comes."""

import signal
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from mttcg.campaign.attempt import Attempt, Ended, RunOutcome, outcome_of
from mttcg.campaign.crew import (
    AttemptFinished,
    Broken,
    Crew,
    Events,
    Interrupted,
    Started,
    WithoutWorkers,
)
from mttcg.campaign.plan import CampaignPlan, PlannedRun
from mttcg.campaign.store import EndedRun, Store
from mttcg.campaign.task import Task

AGAIN = ("failed", "all")
"""Which runs that have ended can be run again: those that did not pass, or all."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Observer(Protocol):
    """Is told what happens."""

    def begin(self, total: int, done: int) -> None:
        """There are `total` runs, of which `done` had ended before."""

    def started(self, task: Task, worker: str) -> None:
        """An attempt at a run begins."""

    def lost(self, task: Task, why: str, attempts: int) -> None:
        """An attempt was lost; there will be another one."""

    def without_workers(self, limit: float) -> None:
        """Nobody is there to run anything; that is waited for, `limit` seconds; 0: for ever."""

    def ended(self, task: Task, outcome: RunOutcome, why: str, attempt: Attempt) -> None:
        """A run has ended."""

    def stopping(self, at_once: bool) -> None:
        """The user wants it to end; `at_once` when that was said twice."""


def to_do(
    plan: CampaignPlan, records: Mapping[str, EndedRun], again: str | None
) -> dict[str, Task]:
    """Give the tasks that are to be run, by key.

    A run that was lost has no result, so it is run again, as is one that hit a time limit that is
    longer now; `again` is None or one of `AGAIN`.
    """
    found: dict[str, Task] = {}
    for run in plan.runs:
        record = records.get(run.task.key)
        if record is None or again == "all" or has_to_be_repeated(run, record.attempt, again):
            found[run.task.key] = run.task
    return found


def has_to_be_repeated(run: PlannedRun, attempt: Attempt, again: str | None) -> bool:
    """Whether what came of a run says nothing about it as it is planned now, or did not pass."""
    if again == "failed" and outcome_of(attempt, run.expect)[0] is not RunOutcome.PASSED:
        return True
    if attempt.ended is Ended.TIME_LIMIT:
        return not 0 < run.task.time_limit <= attempt.time_limit
    return attempt.ended is not Ended.BY_ITSELF


@dataclass
class Course:
    """Runs tasks with a crew until each has ended, or the user has had enough.

    `expect` are the exit statuses that count as success, by key; `interrupted` becomes the signal
    that ended it early.
    """

    store: Store
    events: Events
    observer: Observer
    retries: int
    expect: Mapping[str, Collection[int]]
    interrupted: int | None = None
    attempts: Counter[str] = field(default_factory=Counter)
    losses: Counter[str] = field(default_factory=Counter)
    open: dict[str, Task] = field(default_factory=dict)

    def run(self, tasks: Mapping[str, Task], crew: Crew) -> None:
        """Run them all, and close the crew; raises what it broke down from."""
        self.open = dict(tasks)
        with signals_to(self.events), closing(crew):
            crew.submit(self.open.values())
            while self.open:
                self._take(crew)

    def _take(self, crew: Crew) -> None:
        event = self.events.get()
        if isinstance(event, Broken):
            raise event.error
        if isinstance(event, Interrupted):
            at_once = self.interrupted is not None
            self.interrupted = self.interrupted or event.signal
            self.observer.stopping(at_once)
            crew.stop(at_once)
        elif isinstance(event, WithoutWorkers):
            self.observer.without_workers(event.limit)
        elif event.key in self.open:
            if isinstance(event, Started):
                self._started(event, crew)
            else:
                self._finished(event, crew)

    def _started(self, event: Started, crew: Crew) -> None:
        task = self.open[event.key]
        self.attempts[event.key] += 1
        attempts = self.attempts[event.key]
        if attempts > 1 + self.retries:  # a crew that repeats by itself
            crew.give_up(event.key)
            why = f"{attempts - 1} workers were lost that ran it"
            self._end(task, Attempt(Ended.LOST, why=why), attempts - 1)
        else:
            self.observer.started(task, event.worker)

    def _finished(self, event: AttemptFinished, crew: Crew) -> None:
        task, attempt = self.open[event.key], event.attempt
        if attempt.ended is Ended.STOPPED:
            del self.open[event.key]
            return
        is_lost = attempt.ended is Ended.LOST
        # who is lost may not have come to say that it had started
        self.losses[event.key] += is_lost
        attempts = max(self.attempts[event.key], self.losses[event.key] + (not is_lost))
        self.attempts[event.key] = attempts
        if is_lost and self.interrupted is not None:
            del self.open[event.key]  # its turn comes when the campaign goes on
        elif is_lost and attempts <= self.retries:
            self.observer.lost(task, attempt.why, attempts)
            crew.submit([task])
        else:
            self._end(task, attempt, attempts)

    def _end(self, task: Task, attempt: Attempt, attempts: int) -> None:
        self.store.write(EndedRun(task.key, attempts, attempt))
        del self.open[task.key]
        outcome, why = outcome_of(attempt, self.expect[task.key])
        self.observer.ended(task, outcome, why, attempt)


@contextmanager
def signals_to(events: Events) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP become events; a signal that is ignored stays so."""

    def tell(number: int, frame: FrameType | None) -> None:
        events.put(Interrupted(number))

    wanted = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, tell) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
