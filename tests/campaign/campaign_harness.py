"""Campaigns and clusters as processes, watched from outside."""

import contextlib
import subprocess
from pathlib import Path
from typing import Any

import polars
import psutil
from run_harness import SOON, Running, eventually, marked

from mttcg.cli import main

CLUSTER = Path(__file__).with_name("local_cluster.py")


class CampaignRunning(Running):
    """`mttcg campaign` on a file with this text, in `directory`."""

    def __init__(
        self, directory: Path, text: str, *arguments: str, name: str = "some.toml", **keywords: Any
    ) -> None:
        self.file = directory / name
        self.file.write_text(text, encoding="utf-8")
        program = ("-m", "mttcg", "campaign")
        super().__init__(directory, str(self.file), *arguments, program=program, **keywords)

    def rows(self) -> list[dict[str, Any]]:
        """The table that it has written, a dict for each row."""
        return rows_of(self.file)

    def rows_by_run(self) -> dict[str, dict[str, Any]]:
        """The table, by the runs' titles."""
        return {row["run"]: row for row in self.rows()}

    def runs(self, count: int = 1) -> list[psutil.Process]:
        """The processes of its runs, once there are as many, each with a vCPU."""
        return eventually(lambda: running(self.mark, count), 60)


class ClusterRunning(Running):
    """A LocalCluster with workers that are processes."""

    def __init__(
        self, directory: Path, *, workers: int = 1, threads: int = 1, tls: Path | None = None
    ) -> None:
        program = (str(CLUSTER), str(workers), str(threads), *([str(tls)] if tls else []))
        super().__init__(directory, program=program, cwd=directory, stdin=subprocess.PIPE)
        self.url = self.read(b"\n").decode().strip()

    def runs(self, count: int = 1) -> list[psutil.Process]:
        """The processes of runs on its workers, once there are as many, each with a vCPU."""
        return eventually(lambda: running(self.mark, count), 60)

    def left(self) -> list[psutil.Process]:
        """The runs that there are now."""
        return running(self.mark, 1)

    def kill_all(self) -> None:
        """Kill the scheduler and the workers, by their process ids.

        Not who removes their semaphores, which only a killed machine would take along.
        """
        for process in (self.process, *marked(self.mark)):
            if not is_tracker(process.pid):
                process.kill()

    def end(self) -> None:
        """Let it close by itself: its stdin ends."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(SOON)
        # it removes the semaphores of those that were killed, once there is nobody else
        trackers = [process for process in marked(self.mark) if is_tracker(process.pid)]
        for process in marked(self.mark):
            if process not in trackers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        psutil.wait_procs(trackers, timeout=SOON)
        super().end()


class WorkerRunning(Running):
    """A worker of a scheduler, that nobody starts again."""

    def __init__(self, directory: Path, url: str) -> None:
        arguments = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
        program = ("-m", "distributed.cli.dask_worker", url, *arguments)
        super().__init__(directory, program=program, cwd=directory)


def worker_runs(worker: Running) -> list[psutil.Process]:
    """The runs on a worker, each with a vCPU."""
    return running(worker.mark, 1)


def is_tracker(pid: int) -> bool:
    """Whether it is multiprocessing's, which removes what killed processes leave in /dev/shm."""
    try:
        return "multiprocessing.resource_tracker" in " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False


def running(mark: str, count: int) -> list[psutil.Process]:
    """Runs that have a vCPU, if there are as many, else nothing."""
    there = {process.pid: process for process in marked(mark)}
    found = set()
    for process in there.values():
        try:
            if process.name().startswith("vcpu"):
                found.add(there[process.ppid()].ppid())  # by way of the vCPU host
        except (psutil.NoSuchProcess, KeyError):
            continue
    runs = [there[pid] for pid in sorted(found & there.keys())]  # the host of a lost run has none
    return runs if len(runs) >= count else []


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The table beside a campaign file."""
    return polars.read_parquet(file.with_suffix(".results") / "results.parquet").to_dicts()


def run_here(*arguments: str | Path) -> int:
    """Run the verb in this process, for what starts no run."""
    return main(["campaign", *map(str, arguments)])
