"""Who executes tasks: what a crew is asked, and the events by which it answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, TypeAlias

from mttcg.campaign.attempt import Attempt
from mttcg.campaign.task import Task


@dataclass(frozen=True)
class Started:
    """An attempt at a run begins; a crew that finds out that one was lost may begin another."""

    key: str
    worker: str


@dataclass(frozen=True)
class AttemptFinished:
    """An attempt is over, and the crew does no more about that run unless it is told to."""

    key: str
    attempt: Attempt


@dataclass(frozen=True)
class Interrupted:
    """A signal came: the user wants it to end."""

    signal: int


@dataclass(frozen=True)
class WithoutWorkers:
    """There is nobody to run anything; that will be waited for, `limit` seconds; 0: for ever."""

    limit: float


@dataclass(frozen=True)
class Broken:
    """The crew can't go on."""

    error: Exception


Event: TypeAlias = Started | AttemptFinished | Interrupted | WithoutWorkers | Broken
Events: TypeAlias = SimpleQueue[Event]
"""From any thread, and from signal handlers, to the campaign."""


class Crew(Protocol):
    """Executes tasks somewhere and puts what happens into a queue of events."""

    def submit(self, tasks: Iterable[Task]) -> None:
        """Take tasks, to be started in this order; each will be Finished."""

    def give_up(self, key: str) -> None:
        """Begin no more attempts at a run; no more events of it will be listened to."""

    def stop(self, at_once: bool) -> None:
        """Stop what runs, in order or `at_once`, and begin nothing; all will be Finished."""

    def close(self) -> None:
        """Leave nothing behind."""
