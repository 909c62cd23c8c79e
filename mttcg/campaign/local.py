"""A crew on this machine: as many runs at once as have processors for their vCPUs."""

import os
import threading
from collections import deque
from collections.abc import Iterable, Mapping

from mttcg.campaign.attempt import Attempt, Ended
from mttcg.campaign.crew import AttemptFinished, Events, Started
from mttcg.campaign.execute import Stop, execute, worker_name
from mttcg.campaign.places import Places
from mttcg.campaign.store import Store
from mttcg.campaign.task import Task


class LocalCrew:
    """Starts each run in a thread that waits for the run's process.

    Args:
        events: where events go.
        store: gives the runs their directories.
        contents: of the files, by digest.
        jobs: how many runs at once; None: as many as together have no more vCPUs than this process
            may use processors; one with more than that runs alone.
    """

    def __init__(
        self,
        events: Events,
        store: Store,
        contents: Mapping[str, bytes],
        jobs: int | None = None,
    ) -> None:
        self.events, self.store = events, store
        self.places = Places(store.scratch, contents)
        self.jobs = jobs
        self.room = jobs or len(os.sched_getaffinity(0))
        self.size = self.room
        self.waiting: deque[Task] = deque()
        self.threads: set[threading.Thread] = set()
        self.lock = threading.Lock()
        self.stopping = Stop()

    def cost(self, task: Task) -> int:
        """What of the room a run takes."""
        return 1 if self.jobs else min(task.smp, self.size)

    def submit(self, tasks: Iterable[Task]) -> None:
        """Take tasks."""
        with self.lock:
            self.waiting.extend(tasks)
            self._fill()

    def give_up(self, key: str) -> None:
        """Do nothing: each attempt here begins by `submit`."""

    def _fill(self) -> None:
        """Start what there is room for, in order: a large run is not overtaken for ever."""
        while self.waiting and self.cost(self.waiting[0]) <= self.room:
            task = self.waiting.popleft()
            self.room -= self.cost(task)
            # the run ends with the thread that starts it, so that is the one that waits for it
            thread = threading.Thread(target=self._run, args=(task,), name=task.key)
            self.threads.add(thread)
            self.events.put(Started(task.key, worker_name()))
            thread.start()

    def _run(self, task: Task) -> None:
        try:
            with self.store.place(task.key) as place:
                paths = {file.key: self.places.find(file) for file in task.files}
                attempt = execute(task, paths, place, self.stopping)
        except Exception as error:  # no process, no disk: this run's trouble, not the campaign's
            why = f"{type(error).__name__}: {error}"
            attempt = Attempt(Ended.LOST, why=why, worker=worker_name())
        with self.lock:
            self.events.put(AttemptFinished(task.key, attempt))
            self.threads.discard(threading.current_thread())
            self.room += self.cost(task)
            self._fill()

    def stop(self, at_once: bool) -> None:
        """Stop what runs; what waits is over without an attempt."""
        with self.lock:
            while self.waiting:
                key = self.waiting.popleft().key
                self.events.put(AttemptFinished(key, Attempt(Ended.STOPPED)))
        if at_once:
            self.stopping.insist()
        else:
            self.stopping.ask()

    def close(self) -> None:
        """Kill what still runs, and wait for it."""
        self.stop(at_once=True)
        with self.lock:
            left = list(self.threads)
        for thread in left:
            thread.join()
        self.stopping.close()
