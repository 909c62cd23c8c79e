"""What is seen of a process and its descendants while they run."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from mttcg_bench.errors import RunFailed
from mttcg_bench.tools import process
from mttcg_bench.tools.process import Onlooker, descendants, run

TREE = """
import subprocess, sys, threading
depth = int(sys.argv[1])
if depth:
    def begin():
        child = subprocess.Popen([sys.executable, "-c", sys.argv[2], str(depth - 1), sys.argv[2]])
        child.wait()
    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
else:
    print("ready", flush=True)
    sys.stdin.read()
"""
"""A process that starts one, from another thread than its first, that starts one, and so on."""


@pytest.fixture
def tree() -> Iterator[int]:
    command = [sys.executable, "-c", TREE, "2", TREE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as root:
        assert root.stdout is not None
        assert root.stdout.readline() == b"ready\n"
        yield root.pid


@pytest.mark.parametrize("listed", [True, False])
def test_all_descendants_are_found(
    tree: int, listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if listed and not process.CHILDREN_ARE_LISTED:
        pytest.skip("this kernel lists no children in /proc (CONFIG_PROC_CHILDREN)")
    monkeypatch.setattr(process, "CHILDREN_ARE_LISTED", listed)
    expected = {child.pid for child in psutil.Process(tree).children(recursive=True)}
    assert set(descendants(tree)) == expected
    assert len(expected) == 2


def test_what_is_measured_keeps_what_python_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    shown = run("python", [sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"])
    assert shown.output == "False\n"


def test_each_is_noted_by_what_it_does(tree: int) -> None:
    onlooker = Onlooker(tree)
    for _ in range(5):
        onlooker.look()
    assert [role for role, _ in onlooker.cpu.values()] == ["command", "other", "other"]
    assert set(onlooker.cpu_of()) == set(onlooker.unique) == {"command", "other"}
    assert min(onlooker.unique.values()) > 1 << 20


def test_a_process_has_its_time_and_that_of_its_descendants() -> None:
    work = "import subprocess, sys; sum(range(10**7)); subprocess.run(sys.argv[1:], check=True)"
    inner = [sys.executable, "-c", "sum(range(3 * 10**7))"]
    ended = run("work", [sys.executable, "-c", work, *inner], watched=True)
    assert 0 < ended.cpu < 60
    alone = run("less", [sys.executable, "-c", "pass"])
    assert alone.cpu < ended.cpu


@pytest.mark.parametrize("watched", [True, False])
def test_what_does_not_end_is_ended(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LIMIT_SECONDS", 0.3)
    before = set(psutil.Process().children())
    with pytest.raises(RunFailed, match=r"waits.*no end within 0.3 s"):
        run("waits", [sys.executable, "-c", "import signal; signal.pause()"], watched=watched)
    assert set(psutil.Process().children()) == before
