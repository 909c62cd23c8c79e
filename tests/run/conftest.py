"""Fixtures of the tests that run whole machines."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "machine"))  # for tiny_elf

from run_harness import ROOT, Running, guest

from mttcg import Machine

OWN = ROOT / "examples" / "own_guest"
COMPILE = (
    *("-target", "riscv64-freestanding-none", "-mcpu=baseline_rv64", "-mcmodel=medany", "-O2"),
    *("-ffreestanding", "-fno-builtin", "-nostdlib", "-I", str(OWN)),
    *("-T", str(OWN / "link.ld")),
)


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


@pytest.fixture(scope="session")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guest that calls its host."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed, so the guest can't be built")
    made = tmp_path_factory.mktemp("guest") / "semihosting.elf"
    source = Path(__file__).parent / "guests" / "semihosting.c"
    sources = str(OWN / "start.S"), str(source)
    command = [sys.executable, "-m", "ziglang", "cc", *COMPILE, *sources, "-o", str(made)]
    subprocess.run(command, check=True)
    return made
