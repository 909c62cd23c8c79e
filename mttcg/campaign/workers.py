"""Whether a cluster's workers do what they were given, looked at beside a campaign.

A scheduler says nothing of a task for which it has no worker. And it looks for such tasks when a
worker comes, which is before the worker has told how many vCPUs it has: so a task may wait for ever
beside a worker that could run it.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

LOOK_SECONDS = 1.0
LOOKS_UNTIL_STUCK = 3
"""A task is stuck if it waits beside an idle worker in so many looks in a row. In a single look it
may just be between two steps of the scheduler."""


@dataclass(frozen=True)
class Look:
    """What there is on a cluster at one moment.

    Args:
        vcpus: how many each worker has, by its address; none before it has told.
        taken: the keys of the tasks that each worker has taken, by its address.
        silent: the addresses of workers that have not told how many vCPUs they have.
    """

    vcpus: Mapping[str, int]
    taken: Mapping[str, Collection[str]]
    silent: Collection[str] = ()

    @property
    def largest(self) -> int:
        """How many vCPUs the largest worker has; 0 without workers."""
        return max(self.vcpus.values(), default=0)

    def waiting(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Which of the tasks that are wanted no worker has taken."""
        taken = {key for keys in self.taken.values() for key in keys}
        return {key: size for key, size in wanted.items() if key not in taken}

    def is_stuck(self, size: int) -> bool:
        """Whether a task that waits, of so many vCPUs, would have to run, or never will."""
        idle = [count for worker, count in self.vcpus.items() if not self.taken.get(worker)]
        return size > self.largest or size <= max(idle, default=0)


@dataclass
class LookJudge:
    """Judges one look after the other.

    Args:
        limit: seconds that a campaign waits without a worker; 0: for ever.
    """

    limit: float
    since: float | None = None
    stuck: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)

    def without_workers(self, look: Look, wanted: Mapping[str, int], now: float) -> float | None:
        """Seconds for which tasks have waited without any worker; None if they do not."""
        if look.largest or not wanted:
            self.since = None
            return None
        self.since = now if self.since is None else self.since
        return now - self.since

    def is_over(self, waited: float) -> bool:
        """Whether that was long enough."""
        return 0 < self.limit <= waited

    def to_ask(self, look: Look) -> list[str]:
        """Addresses of workers that have kept silent: to be told again to say what they have."""
        self.silent = Counter({worker: self.silent[worker] + 1 for worker in look.silent})
        return [worker for worker, looks in self.silent.items() if looks >= LOOKS_UNTIL_STUCK]

    def to_repeat(self, look: Look, wanted: Mapping[str, int]) -> list[str]:
        """Keys of tasks that the scheduler does not give to anybody: to be submitted anew."""
        waiting = look.waiting(wanted) if look.largest else {}
        stuck = {key for key, size in waiting.items() if look.is_stuck(size)}
        self.stuck = Counter({key: self.stuck[key] + 1 for key in stuck})
        return [key for key, looks in self.stuck.items() if looks >= LOOKS_UNTIL_STUCK]


class LookThread:
    """A thread that looks again and again until it is closed.

    Args:
        look: is called for each look.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self.look = look
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, name="workers", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            self.look()

    def close(self) -> None:
        """Look no more; does not wait for a look that is under way, as that waits for a network."""
        self.over.set()
