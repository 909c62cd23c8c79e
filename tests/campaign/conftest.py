"""Fixtures of the tests of campaigns: each is run as a stranger would, as a process of its own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))  # for run_harness

from campaign_harness import CampaignRunning, ClusterRunning, WorkerRunning


@pytest.fixture
def campaign(tmp_path: Path) -> Iterator[Callable[..., CampaignRunning]]:
    """Start a campaign; nothing of it may be left when it has ended."""
    made: list[CampaignRunning] = []

    def start_one(text: str, *arguments: str, **keywords: Any) -> CampaignRunning:
        made.append(CampaignRunning(tmp_path, text, *arguments, **keywords))
        return made[-1]

    yield start_one
    for running in made:
        running.end()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Callable[..., ClusterRunning]]:
    """Start a LocalCluster in a process of its own."""
    made: list[ClusterRunning] = []

    def start_one(**keywords: Any) -> ClusterRunning:
        made.append(ClusterRunning(tmp_path, **keywords))
        return made[-1]

    yield start_one
    for running in made:
        running.end()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRunning]:
    """One whose workers may be killed: they are started again."""
    running = ClusterRunning(tmp_path_factory.mktemp("cluster"), workers=2)
    yield running
    running.end()


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRunning]:
    """One that several tests use, of one worker with two threads."""
    running = ClusterRunning(tmp_path_factory.mktemp("cluster"), threads=2)
    yield running
    running.end()


@pytest.fixture(scope="module")
def scheduler_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterRunning]:
    """One without workers."""
    running = ClusterRunning(tmp_path_factory.mktemp("cluster"), workers=0)
    yield running
    running.end()


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[[str], WorkerRunning]]:
    """Start a worker of a scheduler."""
    made: list[WorkerRunning] = []

    def start_one(url: str) -> WorkerRunning:
        made.append(WorkerRunning(tmp_path, url))
        return made[-1]

    yield start_one
    for running in made:
        running.end()
