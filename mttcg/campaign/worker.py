"""What runs in a Dask worker: a task with its process, and what its thread has to look after.

A worker's threads can't be stopped, and a client that is gone says nothing: so the thread of a run
looks itself whether the scheduler still wants the result, and stops the run in order if not.
"""

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

from mttcg.campaign.attempt import Attempt, Ended
from mttcg.campaign.execute import LEFT, STOP_SECONDS, Stop, execute
from mttcg.campaign.places import ContentMissingError, Places
from mttcg.campaign.task import File, Task
from mttcg.version import VERSION

VCPUS = "vcpus"
"""The resource that runs take of a worker."""
LOOK_SECONDS = 0.5
LARGEST_FILES = 256 << 20
"""Bytes of files that a run may send back."""


@dataclass(frozen=True)
class FileMissing:
    """A worker's answer to a task of which it lacks a file."""

    file: File


@dataclass(frozen=True)
class WorkerAnswer:
    """What a worker gives back: the attempt, and the files that plugins left, by name."""

    attempt: Attempt
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


class VcpuPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed publishes no types
    """Gives each worker, also those that come later, as many vCPUs as it has threads.

    A worker that was started with `--resources vcpus=N` keeps its number.
    """

    name = "mttcg-vcpus"

    async def setup(self, worker: Any) -> None:
        """Tell the scheduler."""
        if VCPUS not in worker.state.total_resources:
            await worker.set_resources(**{VCPUS: worker.state.nthreads})


async def tell_vcpus(dask_worker: Any) -> None:
    """Have a worker tell the scheduler once more how many vCPUs it has."""
    state = dask_worker.state
    count = state.total_resources.get(VCPUS, state.nthreads)
    await dask_worker.set_resources(**{VCPUS: count})


def version_of_worker() -> str:
    """Tell which mttcg a worker has."""
    return VERSION


class _Runs:
    """The runs of this worker, by campaign, so that another thread can stop them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stops: dict[str, set[Stop]] = {}

    @contextmanager
    def of(self, campaign: str) -> Iterator[Stop]:
        stop = Stop()
        with self.lock:
            self.stops.setdefault(campaign, set()).add(stop)
        try:
            yield stop
        finally:
            with self.lock:
                self.stops[campaign].discard(stop)
                stop.close()

    def stop(self, campaign: str, at_once: bool) -> int:
        """Stop a campaign's runs; gives how many there are."""
        with self.lock:
            stops = self.stops.get(campaign, set())
            for stop in stops:
                stop.insist() if at_once else stop.ask()
            return len(stops)


RUNS = _Runs()


async def stop_runs(campaign: str, at_once: bool) -> None:
    """Stop a campaign's runs on this worker, and wait for their end."""
    until = time.monotonic() + STOP_SECONDS + LOOK_SECONDS
    while RUNS.stop(campaign, at_once) and time.monotonic() < until:
        await asyncio.sleep(0.02)


def run_task(campaign: str, task: Task, *contents: tuple[str, bytes]) -> WorkerAnswer | FileMissing:
    """Execute a task on this worker.

    Args:
        campaign: the topic that its start is told to.
        task: what to run.
        contents: files that a worker lacked, as digest and content.
    """
    worker = get_worker()
    key = worker.get_current_task()
    places = Places(Path(worker.local_directory) / "mttcg-files", dict(contents))
    try:
        paths = {file.key: places.find(file) for file in task.files}
    except ContentMissingError as error:
        return FileMissing(error.file)
    worker.log_event(campaign, {"key": task.key, "worker": worker.address})
    if task.version != VERSION:
        why = f"worker {worker.address} has mttcg {VERSION}; expected {task.version}"
        return WorkerAnswer(Attempt(Ended.LOST, why=why, worker=worker.address))
    with (
        RUNS.of(campaign) as stop,
        stopped_when_unwanted(worker, key, stop),
        tempfile.TemporaryDirectory(dir=worker.local_directory, prefix="mttcg-") as place,
    ):
        attempt = execute(task, paths, Path(place), stop)
        return answer_of(attempt, Path(place) / LEFT)


@contextmanager
def stopped_when_unwanted(worker: Any, key: Any, stop: Stop) -> Iterator[None]:
    """Ask a run to stop when its task was cancelled, or its client has gone."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            state = worker.state.tasks.get(key)
            if state is None or state.state in ("cancelled", "released", "forgotten"):
                stop.ask()
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def answer_of(attempt: Attempt, directory: Path) -> WorkerAnswer:
    """Add what a run left in its directory; if that is too much to send, a warning that says so."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in paths)
    if size <= LARGEST_FILES:
        files = {str(path.relative_to(directory)): path.read_bytes() for path in paths}
        return WorkerAnswer(attempt, files)
    warning = (
        f"{len(paths)} files of {size} bytes were lost: a worker sends {LARGEST_FILES} at most"
    )
    result = attempt.result
    if result is not None:
        result = result | {"warnings": [*result["warnings"], warning]}
    return WorkerAnswer(replace(attempt, errors=f"{attempt.errors}{warning}\n", result=result))
