"""A crew on a Dask cluster: each run is a task that takes its vCPUs of a worker.

Dask runs a task again by itself when its worker was lost. Workers tell each start on a topic of the
campaign's, so that attempts are counted here, and no run is tried more often than it may be.
"""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from mttcg.campaign.attempt import Attempt, Ended
from mttcg.campaign.crew import AttemptFinished, Broken, Events, Started, WithoutWorkers
from mttcg.campaign.errors import SchedulerError, SchedulerLostError, WorkersLostError
from mttcg.campaign.execute import LEFT
from mttcg.campaign.scheduler import Scheduler, reason_of
from mttcg.campaign.store import Store
from mttcg.campaign.task import File, Task
from mttcg.campaign.workers import Look, LookJudge, LookThread
from mttcg.version import VERSION

if TYPE_CHECKING:
    from distributed import Client, Future

CLOSE_SECONDS = 30


class ClusterCrew:
    """Submits tasks to a scheduler.

    Args:
        events: where events go.
        store: keeps the files that runs leave.
        contents: of the files, by digest, for workers that lack one.
        scheduler: where it is.
        worker_limit: seconds that it waits for a worker when there is none; 0: for ever.

    Raises SchedulerError if nobody is there, or the workers can't run our tasks.
    """

    def __init__(
        self,
        events: Events,
        store: Store,
        contents: Mapping[str, bytes],
        scheduler: Scheduler,
        worker_limit: float,
    ) -> None:
        self.events, self.store, self.contents = events, store, contents
        self.url = scheduler.url
        self.topic = f"mttcg-campaign-{uuid.uuid4().hex}"
        self.tasks: dict[str, Task] = {}
        self.futures: dict[str, Future] = {}
        self.sent: dict[str, Future] = {}  # contents, by digest
        self.lock = threading.RLock()
        self.submissions = 0
        self.stopping = False
        self.judge = LookJudge(worker_limit)
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is an event
        self.client: Client = scheduler.connect()
        try:
            self.largest = self._prepare_workers()
        except BaseException:
            self.client.close()
            raise
        self.client.subscribe_topic(self.topic, self._heard)
        self.looks = LookThread(self._look)

    def _prepare_workers(self) -> int:
        """Give the workers their resources; tells how many vCPUs the largest has."""
        from mttcg.campaign.worker import VcpuPlugin, version_of_worker

        limit = self.judge.limit
        try:
            self.client.wait_for_workers(1, timeout=limit or None)
        except TimeoutError as error:
            wrong = f"there is no worker after {limit:g} s (--worker-limit); expected one or more"
            raise SchedulerError(self.url, wrong) from error
        try:
            versions = self.client.run(version_of_worker)
            self.client.register_plugin(VcpuPlugin())
        except Exception as error:
            wrong = f"its workers can't run mttcg ({reason_of(error)}); expected it there, too"
            raise SchedulerError(self.url, wrong) from error
        for worker, version in versions.items():
            if version != VERSION:
                wrong = f"worker {worker} has mttcg {version}; expected {VERSION}, as here"
                raise SchedulerError(self.url, wrong)
        return max(self._see().largest, 1)

    def _see(self) -> Look:
        """Ask the scheduler what there is now."""
        from mttcg.campaign.worker import VCPUS

        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        vcpus = {name: int(worker["resources"].get(VCPUS, 0)) for name, worker in workers.items()}
        known = {name: count for name, count in vcpus.items() if count}
        return Look(known, self._taken(), silent=vcpus.keys() - known.keys())

    def _taken(self) -> dict[str, tuple[str, ...]]:
        return dict(self.client.processing())

    def _look(self) -> None:
        """Find out what nobody tells: that there is no worker, or that a task was forgotten."""
        with self.lock:
            futures = {} if self.stopping else dict(self.futures)
            sizes = {
                future.key: min(self.tasks[key].smp, self.largest)
                for key, future in futures.items()
                if not future.done()
            }
        keys = {future.key: key for key, future in futures.items()}
        try:
            look = self._see()
        except (OSError, TimeoutError, RuntimeError):
            return  # whether the scheduler has gone, the futures say
        self._ask_again(self.judge.to_ask(look))
        waited = self.judge.without_workers(look, sizes, time.monotonic())
        if waited == 0:
            self.events.put(WithoutWorkers(self.judge.limit))
        elif waited is not None and self.judge.is_over(waited):
            self.events.put(Broken(WorkersLostError(self.url, self.judge.limit)))
        for key in self.judge.to_repeat(look, sizes):
            self.largest = look.largest
            self._repeat(keys[key], futures[keys[key]])

    def _ask_again(self, silent: list[str]) -> None:
        """Have workers tell how many vCPUs they have: what they do when they come may fail."""
        from mttcg.campaign.worker import tell_vcpus

        if silent:
            with contextlib.suppress(OSError, TimeoutError, RuntimeError):  # the next look asks
                self.client.run(tell_vcpus, workers=silent, on_error="ignore")

    def _repeat(self, key: str, future: "Future") -> None:
        """Submit a task anew in place of one that the scheduler has left lying."""
        with self.lock:
            if self.futures.get(key) is not future:
                return
            self.client.cancel([self.futures.pop(key)])
            self._submit(self.tasks[key])

    def submit(self, tasks: Iterable[Task]) -> None:
        """Take tasks."""
        for task in tasks:
            self._submit(task)

    def _submit(self, task: Task) -> None:
        from mttcg.campaign.worker import VCPUS, run_task

        with self.lock:
            if self.stopping:
                return
            self.submissions += 1
            self.tasks[task.key] = task
            digests = {each.digest for file in task.files for each in file.all}
            future = self.client.submit(
                run_task,
                self.topic,
                task,
                *(self.sent[digest] for digest in digests & self.sent.keys()),
                key=f"mttcg-{task.key}-{self.topic[-8:]}-{self.submissions}",
                resources={VCPUS: min(task.smp, self.largest)},
                priority=-self.submissions,
                pure=False,
            )
            self.futures[task.key] = future
        future.add_done_callback(partial(self._done, task))

    def _heard(self, event: tuple[float, Any]) -> None:
        """A worker tells that it begins."""
        _, told = event
        self.events.put(Started(told["key"], told["worker"]))

    def _done(self, task: Task, future: "Future") -> None:
        """A task has come to an end, or its result can't be had; called in a thread of Dask's."""
        with self.lock:
            if self.futures.get(task.key) is not future or self.stopping:
                return
        try:
            self._take(task, future)
        except Exception as error:  # nobody else would hear of it
            self.events.put(Broken(error))

    def _take(self, task: Task, future: "Future") -> None:
        from mttcg.campaign.worker import FileMissing

        if future.status == "cancelled":  # not by us, so Dask's client gave up
            raise SchedulerLostError(self.url)
        try:
            answer = future.result()
        except Exception as error:
            self._finish(task, Attempt(Ended.LOST, why=reason_of(error)))
            return
        if isinstance(answer, FileMissing):
            self._send(answer.file)
            self._submit(task)
            return
        self._keep(task, answer.files)
        self._finish(task, answer.attempt)

    def _finish(self, task: Task, attempt: Attempt) -> None:
        with self.lock:
            self.futures.pop(task.key, None)
        self.events.put(AttemptFinished(task.key, attempt))

    def _send(self, file: File) -> None:
        """Make a file's content a task's result: Dask brings it to the workers that need it."""
        with self.lock:
            if file.digest not in self.sent:
                self.sent[file.digest] = self.client.submit(
                    tuple,
                    [file.digest, self.contents[file.digest]],
                    key=f"mttcg-file-{file.digest}",
                )

    def _keep(self, task: Task, files: Mapping[str, bytes]) -> None:
        with self.store.place(task.key) as place:
            directory = (place / LEFT).resolve()
            for name, content in files.items():
                path = (directory / name).resolve()
                if not path.is_relative_to(directory):
                    raise SchedulerError(self.url, f"a worker sent a file named {name!r}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def give_up(self, key: str) -> None:
        """Let Dask not try it again."""
        with self.lock:
            future = self.futures.pop(key, None)
        if future is not None:
            future.cancel()

    def stop(self, at_once: bool) -> None:
        """Stop the runs on all workers, in a thread: a second signal is not to wait for it."""
        with self.lock:
            self.stopping = True
        threading.Thread(target=self._stop, args=(at_once,), daemon=True).start()

    def _stop(self, at_once: bool) -> None:
        from mttcg.campaign.worker import stop_runs

        with self.lock:
            futures, self.futures = self.futures, {}
        try:
            self.client.cancel(list(futures.values()))
            self.client.run(stop_runs, self.topic, at_once, on_error="ignore")
        except Exception as error:
            self.events.put(Broken(SchedulerError(self.url, reason_of(error))))
        for key in futures:
            self.events.put(AttemptFinished(key, Attempt(Ended.STOPPED)))

    def close(self) -> None:
        """Take what is left of the campaign from the cluster."""
        self.looks.close()
        with self.lock:
            self.stopping = True
            left = [*self.futures.values(), *self.sent.values()]
        try:
            self.client.cancel(left)
        finally:
            self.client.close(timeout=CLOSE_SECONDS)
