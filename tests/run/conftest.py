"""Fixtures of the tests that run whole machines."""

import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "machine"))  # for tiny_elf

from run_harness import Running, guest

from mttcg import Machine


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Compile what is compiled once for each state of the sources, before many need it at once."""
    result = Machine(guest("hello"), plugins=["memtrace"]).run(console=BytesIO())
    assert result.exit_status == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start runs, which are ended with the test; nothing of them may be left then."""
    made: list[Running] = []

    def start_one(*arguments: str, **keywords: Any) -> Running:
        made.append(Running(tmp_path, *arguments, **keywords))
        return made[-1]

    yield start_one
    for running in made:
        running.end()
