"""The runs that there are, and commands that need no address where there is one run."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from run_harness import LIMIT, Running, guest, marked

from mttcg.cli import main
from mttcg.cli import runs as discovery

SPINS = "spinning on {} hart"
PROGRAM = "import sys; from mttcg import Machine; Machine(sys.argv[1], smp=2, control=True).run()"
AT_ONCE = 5.0
"""Seconds, of a busy machine, that a command may take which waits for nothing."""


def spin(start: Callable[..., Running], *arguments: str, harts: int = 1) -> Running:
    """A run that goes on until it is stopped."""
    running = start(guest("spin"), "--smp", str(harts), "--quiet", *arguments)
    running.read(until=SPINS.format(harts).encode())
    return running


def url_of(running: Running) -> str:
    return next(w for w in running.stderr.split() if w.startswith(("ipc://", "tcp://")))


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> list[Running]:
    """The runs that count: this machine may have others of this user."""
    counted: list[Running] = []
    every = discovery.runs
    monkeypatch.setattr(
        discovery,
        "runs",
        lambda: (run for run in every() if run.pid in [one.process.pid for one in counted]),
    )
    return counted


@pytest.fixture
def ps(mine: list[Running], capsys: pytest.CaptureFixture[str]) -> Callable[[], list[Any]]:
    def listed() -> list[Any]:
        assert main(["ps", "--json"]) == 0
        found: list[Any] = json.loads(capsys.readouterr().out)
        return found

    return listed


def test_ps_lists_each_run_with_what_it_is_and_where(
    start: Callable[..., Running],
    mine: list[Running],
    ps: Callable[[], list[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = time.monotonic()
    silent = spin(start)
    over_tcp = spin(start, "--plugin", "hotblocks", "--bus", "tcp://127.0.0.1:*", harts=2)
    scripted = start(guest("spin"), program=("-c", PROGRAM))
    scripted.read(until=b"spinning on 2 harts")
    mine += [silent, over_tcp, scripted]
    first, second, third = ps()
    age = time.monotonic() - begun
    assert [first["guest"], first["harts"], first["address"]] == [guest("spin"), 1, ""]
    assert [second["guest"], second["harts"], second["address"]] == [
        *(guest("spin"), 2, url_of(over_tcp)),
    ]
    assert [third["guest"], third["harts"], third["pid"]] == [
        *(guest("spin"), 2, scripted.process.pid),
    ]
    assert third["address"].startswith(f"ipc://{scripted.temporary}/")
    assert age > first["age"] > second["age"] > third["age"] > 0
    assert main(["ps"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["guest", "harts", "pid", "age", "address"]
    assert rows[2].split()[1:] == ["1", str(silent.process.pid), rows[2].split()[3], "-"]
    assert len(rows) == 5


def test_what_a_killed_run_has_left_is_not_shown(
    start: Callable[..., Running], mine: list[Running], ps: Callable[[], list[Any]]
) -> None:
    running = spin(start, "--control")
    mine.append(running)
    assert [run["address"] for run in ps()] == [url_of(running)]
    processes = marked(running.mark)
    for process in processes:
        process.suspend()  # or one that sees another end would clear up
    for process in processes:
        process.kill()
    psutil.wait_procs(marked(running.mark), timeout=LIMIT)
    socket_file = Path(url_of(running).removeprefix("ipc://"))
    assert socket_file.is_socket()
    assert ps() == []
    begun = time.monotonic()
    assert main(["ctl", url_of(running), "status"]) == 2
    assert time.monotonic() - begun < AT_ONCE


def test_runs_of_others_are_not_shown(
    start: Callable[..., Running],
    mine: list[Running],
    ps: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine.append(spin(start, "--control"))
    assert len(ps()) == 1
    another = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: another)
    assert ps() == []
    assert main(["ps"]) == 0
    assert capsys.readouterr().out == "no guest is running\n"


def test_a_command_without_an_address_goes_to_the_one_run(
    start: Callable[..., Running], mine: list[Running], capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(*arguments: str) -> tuple[int, str]:
        status = main(list(arguments))
        out, err = capsys.readouterr()
        assert (out == "") == (status == 2), err
        assert err.count("\n") == (status == 2)
        return status, out + err

    for verb in (("top", "--once"), ("ctl", "status")):
        wrong = "mttcg: no guest is running; expected a run, or the URL of one\n"
        assert answer(*verb) == (2, wrong)
    mine.append(spin(start))
    named = f"{guest('spin')} (pid {mine[0].process.pid})"
    assert f"no run takes commands, of {named}; expected one with --" in answer("ctl", "status")[1]
    assert f"no run has a bus, of {named}; expected one with --bus" in answer("top")[1]
    mine.append(spin(start, "--plugin", "hotblocks"))
    assert answer("ctl", "pause")[0] == 2  # it has a bus, and no --control
    assert "hotblocks.blocks" in answer("top", "--once", "--interval", "0.1")[1]
    mine.append(spin(start, "--control", harts=2))
    assert "on llvm" not in answer("ctl", "registers", "1", "pc")[1]
    status, text = answer("top")
    assert status == 2
    assert text.startswith("mttcg: there are 2 runs: ")
    assert f"{guest('spin')} (pid {mine[2].process.pid}, {url_of(mine[2])}); expected" in text
    assert answer("ctl", "status", "--json")[0] == 0  # one of them takes commands
    assert main(["ctl", "stop"]) == 0
    assert mine[2].wait() == 130


@pytest.mark.parametrize("bus", ["ipc", "tcp"])
def test_a_command_to_a_run_that_has_ended_fails_at_once(
    start: Callable[..., Running], tmp_path: Path, capsys: pytest.CaptureFixture[str], bus: str
) -> None:
    url = f"ipc://{tmp_path}/bus" if bus == "ipc" else "tcp://127.0.0.1:*"
    running = spin(start, "--plugin", "hotblocks", "--bus", url)
    url = url_of(running)
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    for verb in (["ctl", url, "stop"], ["top", url], ["top", url, "--once"]):
        begun = time.monotonic()
        assert main(verb) == 2
        assert time.monotonic() - begun < AT_ONCE
        wrong = "nobody listens there: the run has ended, or not begun"
        assert capsys.readouterr().err == f"mttcg: bus {url}: {wrong}\n"
