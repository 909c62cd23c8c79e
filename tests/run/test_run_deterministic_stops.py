"""Runs that repeat, although they are made to stand still, or go on from a snapshot."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from run_harness import GUESTS, LIMIT, Running, eventually, guest, plugin

from mttcg import Machine
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.snapshot.reader import SnapshotFile
from mttcg_bus import Control
from mttcg_bus.errors import BusError

START = Callable[..., Running]
ROUNDS = {"counter": 20_000, "timer": 100, "ipi": 100}


def control_of(running: Running) -> Control:
    eventually(lambda: "ipc://" in running.stderr, LIMIT)
    return Control(next(w for w in running.stderr.split() if w.startswith("ipc://")), seconds=LIMIT)


def begun(start: START, name: str, folder: Path, *options: str) -> Running:
    folder.mkdir(exist_ok=True)
    turns = "--deterministic", "--quantum", "700", "--seed", "5"
    digest = "--plugin", plugin("ram_digest", out=folder)
    machine = "--smp", "3", "--memory", "16M", "--set", f"rounds={ROUNDS[name]}"
    return start(
        guest(name), *machine, *turns, *digest, *options, "--quiet", "--control", with_json=True
    )


def seen(running: Running, folder: Path) -> tuple[Any, ...]:
    """What has to be the same of a run: output, counts by hart, and RAM at the end."""
    assert running.wait() == 0, running.stderr
    memory = [path.read_text() for path in sorted(folder.glob("ram*"))]
    return running.shown, counts(running), memory


def counts(running: Running) -> list[list[int]]:
    names = "instructions", "traps", "interrupts"
    return [[vcpu[name] for name in names] for vcpu in running.result["vcpus"]]


@pytest.mark.parametrize("name", ["ipi", "timer"])
def test_pauses_do_not_change_whose_turn_is_next(start: START, tmp_path: Path, name: str) -> None:
    whole = seen(begun(start, name, tmp_path / "whole"), tmp_path / "whole")
    draw = random.Random(name)
    paused = begun(start, name, tmp_path / "paused")
    pauses = 0
    with control_of(paused) as control, suppress(BusError):  # the guest may end before
        for _ in range(12):
            before = sum(vcpu["instructions"] for vcpu in control.pause())
            pauses += 1
            control.resume()
            further = before + draw.randrange(20_000)
            while sum(vcpu["instructions"] for vcpu in control.status()["vcpus"]) < further:
                continue
    assert pauses
    assert seen(paused, tmp_path / "paused") == whole


def after(start: START, snapshot: Path, folder: Path) -> tuple[Any, ...]:
    """What has to be the same of a run that goes on from a snapshot."""
    folder.mkdir()
    digest = "--plugin", plugin("ram_digest", out=folder)
    again = start("--from", str(snapshot), "--deterministic", *digest, "--quiet", with_json=True)
    return seen(again, folder)


def check_continues(whole: tuple[Any, ...], rest: tuple[Any, ...], snapshot: Path) -> None:
    """Check that a run goes on as the one did that the snapshot is of, which is known whole."""
    with SnapshotFile(snapshot) as file:
        stood = [hart["instructions"][0] for hart in file.machine["harts"]]
    assert 0 < len(rest[0]) <= len(whole[0]) and whole[0].endswith(rest[0])
    both = zip(stood, [hart[0] for hart in rest[1]], strict=True)
    assert [sum(each) for each in both] == [hart[0] for hart in whole[1]]
    assert rest[2] == whole[2]


@pytest.mark.parametrize(("name", "count"), [("counter", 700), ("timer", 12_345)])
def test_a_run_goes_on_from_any_number_of_instructions(
    start: START, tmp_path: Path, name: str, count: int
) -> None:
    snapshot, folder = tmp_path / "a.snap", tmp_path / "whole"
    at = "--snapshot", str(snapshot), "--snapshot-at", str(count)
    whole = seen(begun(start, name, folder, *at), folder)
    with SnapshotFile(snapshot) as file:
        assert sum(hart["instructions"][0] for hart in file.machine["harts"]) == count
    check_continues(whole, after(start, snapshot, tmp_path / "rest"), snapshot)


@pytest.mark.parametrize("name", ["counter", "timer"])
def test_a_run_goes_on_from_wherever_it_stood(start: START, tmp_path: Path, name: str) -> None:
    running, snapshots = begun(start, name, tmp_path / "whole"), []
    with control_of(running) as control:
        for number in range(2):
            snapshots.append(tmp_path / f"{number}.snap")
            control.snapshot(snapshots[-1])
    whole = seen(running, tmp_path / "whole")
    for snapshot in snapshots:
        rest = after(start, snapshot, tmp_path / f"after{snapshot.stem}")
        check_continues(whole, rest, snapshot)


def test_a_number_of_instructions_is_refused_where_harts_run_at_once(tmp_path: Path) -> None:
    config = Config(GUESTS / "counter.elf", snapshot=tmp_path / "a.snap", snapshot_at="1000", smp=2)
    with pytest.raises(OptionError, match="1000: harts that run at once have retired no number"):
        Machine(config).run()
