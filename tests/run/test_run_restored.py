"""Machines that go on from a snapshot, which is taken while their guest runs."""

import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from run_harness import LIMIT, Running, eventually, guest

from mttcg import Machine
from mttcg.cli.runs import runs
from mttcg.errors import GuestFileError
from mttcg.instrument import Counter, instrument, symbol
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.reader import SnapshotFile
from mttcg_bus import Control
from mttcg_bus.errors import CommandFailed

START = Callable[..., Running]


def control_of(running: Running) -> Control:
    eventually(lambda: "ipc://" in running.stderr, LIMIT)
    return Control(next(w for w in running.stderr.split() if w.startswith("ipc://")), seconds=LIMIT)


def in_the_middle(control: Control, instructions: int = 20_000) -> None:
    """Wait until every hart has begun with its work."""
    eventually(
        lambda: all(vcpu["instructions"] > instructions for vcpu in control.status()["vcpus"]),
        LIMIT,
    )


@pytest.fixture(params=["llvm", "unicorn"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def taken(start: START, path: Path, *arguments: str) -> tuple[Running, dict[str, int]]:
    """Start a guest and take a snapshot of it in the middle; the run, which goes on."""
    running = start(*arguments, "--control", "--quiet", with_json=True)
    with control_of(running) as control:
        in_the_middle(control)
        return running, control.snapshot(path)


ROUNDS = {"counter": 400_000, "timer": 400}
SEEN = ("time", "minstret", "mcycle")
"""What a guest sees of counts and the clock: it goes on."""


@pytest.mark.parametrize("name", ["counter", "timer"])
def test_a_guest_goes_on_from_its_snapshot_to_its_end(
    start: START, tmp_path: Path, engine: str, name: str
) -> None:
    path = tmp_path / "a.snap"
    rounds = ROUNDS[name]
    told = guest(name), "--smp", "2", "--engine", engine, "--set", f"rounds={rounds}"
    first, answer = taken(start, path, *told)
    assert answer["bytes"] == path.stat().st_size
    assert first.wait() == 0
    for _ in range(2):  # as often as one likes
        again = start("--from", str(path), "--quiet", with_json=True)
        assert again.wait() == 0, again.stderr
        # harts print in any order
        assert sorted(again.shown.splitlines()) == sorted(first.shown.splitlines())
        rest = again.result
        assert rest["engine"] == engine and len(rest["vcpus"]) == 2
        assert all(vcpu["instructions"] for vcpu in rest["vcpus"])
        again.check_nothing_left()


def test_a_hart_goes_on_with_the_very_instruction(
    start: START, tmp_path: Path, engine: str
) -> None:
    path = tmp_path / "a.snap"
    first, _ = taken(start, path, guest("counter"), "--engine", engine, "--set", "rounds=400000")
    again = start("--from", str(path), "--quiet", with_json=True)
    assert (first.wait(), again.wait()) == (0, 0)
    with SnapshotFile(path) as file:
        (before,) = file.machine["harts"][0]["instructions"]
    whole, rest = (each.result["vcpus"][0]["instructions"] for each in (first, again))
    assert 0 < before < whole == before + rest


def test_counts_of_a_run_from_a_snapshot_agree(start: START, tmp_path: Path, engine: str) -> None:
    path = tmp_path / "a.snap"
    told = guest("timer"), "--smp", "2", "--engine", engine, "--set", "rounds=400"
    first, _ = taken(start, path, *told)
    assert first.wait() == 0
    again = start("--from", str(path), "--check", "--plugin", "icount", "--quiet", with_json=True)
    assert again.wait() == 0, again.stderr
    counted = again.result["plugins"]["icount"]
    assert counted["total"]["instructions"] == sum(
        vcpu["instructions"] for vcpu in again.result["vcpus"]
    )


def test_other_values_and_plugins_than_before(tmp_path: Path, start: START) -> None:
    path = tmp_path / "a.snap"
    first, _ = taken(start, path, guest("timer"), "--smp", "2", "--set", "rounds=100000")
    with control_of(first) as control:
        control.stop()
    assert first.wait() == 130
    machine = Machine.from_snapshot(path, symbols_set={"rounds": 500}, plugins=["howvec"])
    assert (machine.config.smp, machine.config.memory) == (2, 128 << 20)
    for _ in range(2):  # a machine can be run again
        console = BytesIO()
        result = machine.run(console=console)
        assert result.exit_status == 0 and not result.failures and not result.warnings
        assert console.getvalue().count(b"timer interrupts 500 ok") == 2
        assert result.plugins["howvec"]


def test_a_snapshot_of_a_guest_that_stands_leaves_it_standing(tmp_path: Path, start: START) -> None:
    path = tmp_path / "a.snap"
    running = start(guest("spin"), "--smp", "2", "--control", "--quiet")
    running.read(until=b"spinning on 2 harts\n")
    with control_of(running) as control:
        control.pause()
        before = control.read_registers(1), control.read_registers(1, SEEN)
        control.snapshot(path)
        assert (control.read_registers(1), control.read_registers(1, SEEN)) == before
        control.resume()
    again = start("--from", str(path), "--control", "--quiet")
    with control_of(again) as control:
        in_the_middle(control)
        control.pause()
        after = control.read_registers(1, SEEN)
        assert all(after[name] > before[1][name] for name in SEEN)
        (found,) = [run for run in runs() if run.pid == again.process.pid]
        assert (found.guest, found.harts, found.controlled) == (guest("spin"), 2, True)
        assert control.read_registers(1, ["sp"])["sp"] == before[0]["sp"]
        control.stop()
    assert again.wait() == 130


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of two harts that spin."""
    folder = tmp_path_factory.mktemp("snapshot")
    running = Running(folder, guest("spin"), "--smp", "2", "--control", "--quiet")
    try:
        running.read(until=b"spinning on 2 harts\n")
        with control_of(running) as control:
            control.snapshot(folder / "a.snap")
    finally:
        running.end()
    return folder / "a.snap"


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--smp", "1"], "it has smp 2; expected 1, as given"),
        (["--smp", "3"], "it has smp 2; expected 3, as given"),
        (["--memory", "64M"], "it has memory 134217728; expected 67108864, as given"),
        (["--rng"], "it has rng False; expected True, as given"),
        (["--args", "a b"], "it has args ; expected a b, as given"),
        (["--engine", "unicorn"], "expected what engine unicorn has: a, c, d, f, i, m"),
        (["--set", "none=1"], "there is no symbol 'none'"),
        (["--dump-dtb", "tree"], "there is --from, and the tree in it"),
        ([guest("hello")], f"it has guest {guest('spin')}; expected {guest('hello')}, as given"),
    ],
)
def test_a_run_that_wants_another_machine_is_refused(
    start: START, snapshot: Path, options: list[str], wrong: str
) -> None:
    running = start("--from", str(snapshot), *options)
    assert running.wait() == 2
    assert running.shown == b"" and running.stderr.count("\n") == 1
    assert wrong in running.stderr


def test_a_disk_goes_on_with_what_was_written(start: START, tmp_path: Path, engine: str) -> None:
    path, image = tmp_path / "a.snap", tmp_path / "disk.img"
    image.write_bytes(random.Random(1).randbytes(4 << 20))
    told = guest("disk"), "--engine", engine, "--drive", str(image), "--rng"
    more = "--set", "sectors=1200", "--set", "interrupts=1"
    first, _ = taken(start, path, *told, *more)
    assert first.wait() == 0
    before = first.result["devices"][0]["requests"]
    for _ in range(2):
        again = start("--from", str(path), "--quiet", with_json=True)
        assert again.wait() == 0, again.stderr
        assert again.shown == first.shown
        # what was served in all goes on as well
        assert again.result["devices"][0]["requests"] == before
        again.check_nothing_left()
    image.write_bytes(random.Random(2).randbytes(4 << 20))
    other = start("--from", str(path))
    assert other.wait() == 2 and other.stderr.count("\n") == 1
    assert f"--drive {image} had 4194304 bytes, changed at " in other.stderr


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--drive", "{image},write"], "what is in the file changes later"),
        (["--net", "listen={folder}/cable"], "--net: a part of the device is outside"),
    ],
)
def test_what_a_snapshot_would_not_keep_is_refused(
    start: START, tmp_path: Path, options: list[str], wrong: str
) -> None:
    (tmp_path / "disk.img").write_bytes(bytes(4096))
    places = {"image": tmp_path / "disk.img", "folder": tmp_path}
    given = [option.format(**places) for option in options]
    running = start(guest("spin"), *given, "--control", "--quiet")
    running.read(until=b"spinning")
    with control_of(running) as control:
        with pytest.raises(CommandFailed, match=wrong):
            control.snapshot(tmp_path / "a.snap")
        control.stop()
    assert running.wait() == 130
    assert not (tmp_path / "a.snap").exists()


def test_a_snapshot_at_a_place(start: START, tmp_path: Path, engine: str) -> None:
    path = tmp_path / "a.snap"
    told = guest("timer"), "--smp", "2", "--engine", engine, "--quiet"
    first = start(*told, "--snapshot", str(path), "--snapshot-at", "guest_trap")
    assert first.wait() == 0, first.stderr
    assert f"snapshot {path} at guest_trap: {path.stat().st_size} bytes\n" in first.stderr
    with SnapshotFile(path) as file:
        at = [hart["pc"][0] for hart in file.machine["harts"]]
    counts = Machine.from_snapshot(path, plugins=[count_traps]).run(console=BytesIO())
    # the hart that came there first has not run its first instruction
    assert at.count(Machine(guest("timer")).image.symbol("guest_trap")) >= 1
    assert counts.exit_status == 0
    assert counts.plugins["count_traps"]["total"]["traps"] == 40
    again = start("--from", str(path), "--quiet")
    assert again.wait() == 0
    assert again.shown.count(b"timer interrupts 20 ok") == 2


def count_traps() -> bool:
    instrument(None, symbol("guest_trap"), Counter("traps"))
    return True


@pytest.mark.parametrize(
    ("options", "status", "wrong"),
    [
        (["--snapshot-at", "none"], 2, "--snapshot-at: there is no symbol 'none'"),
        (["--snapshot-at", "0xg"], 2, "'0xg' is no address; expected SYMBOL"),
        (["--snapshot-at", "a b"], 2, "'a b' is no place; expected SYMBOL"),
        (["--snapshot-at", "main", "--gdb"], 2, "there is --gdb, for which harts stop"),
        (["--snapshot-at", ""], 2, "--snapshot: --snapshot-at belongs to it"),
        (["--snapshot-at", "guest_main+0x2000"], 70, "no hart came there; no snapshot"),
    ],
)
def test_a_place_that_is_none(
    start: START, tmp_path: Path, options: list[str], status: int, wrong: str
) -> None:
    path = tmp_path / "a.snap"
    running = start(guest("hello"), "--snapshot", str(path), *options, "--quiet")
    assert running.wait() == status
    assert wrong in running.stderr and running.stderr.count("\n") == 1
    assert not path.exists()
    running.check_nothing_left()


def test_a_guest_whose_file_was_changed_is_refused(start: START, tmp_path: Path) -> None:
    copy = tmp_path / "spin.elf"
    copy.write_bytes(Path(guest("spin")).read_bytes())
    running = start(str(copy), "--control", "--quiet")
    running.read(until=b"spinning")
    with control_of(running) as control:
        control.snapshot(tmp_path / "a.snap")
        control.stop()
    running.wait()
    copy.write_bytes(Path(guest("hello")).read_bytes())
    again = start("--from", str(tmp_path / "a.snap"))
    assert again.wait() == 2
    assert "SHA-256" in again.stderr and again.stderr.count("\n") == 1
    copy.unlink()
    with pytest.raises(GuestFileError, match="there is no such file"):
        Machine.from_snapshot(tmp_path / "a.snap")


def test_a_snapshot_of_another_version_is_refused(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mttcg.supervisor.snapshots.saved_machine.VERSION", "99.0")
    with pytest.raises(SnapshotError, match=r"it is of mttcg .*; expected one of 99\.0"):
        Machine.from_snapshot(snapshot)


def test_what_can_not_be_written_is_told_and_the_guest_goes_on(
    start: START, tmp_path: Path
) -> None:
    running = start(guest("spin"), "--control", "--quiet")
    running.read(until=b"spinning")
    with control_of(running) as control:
        with pytest.raises(CommandFailed, match="expected a file to write"):
            control.snapshot(tmp_path / "no" / "a.snap")
        before = control.status()["vcpus"][0]["instructions"]
        eventually(lambda: control.status()["vcpus"][0]["instructions"] > before)
        control.stop()
    assert running.wait() == 130
    running.check_nothing_left()


def test_a_snapshot_that_fails_is_told_and_the_run_is_as_before(
    start: START, tmp_path: Path
) -> None:
    image, loop = tmp_path / "disk.img", tmp_path / "loop"
    image.write_bytes(bytes(4096))
    loop.symlink_to(loop)
    running = start(guest("spin"), "--drive", str(image), "--control", "--quiet")
    running.read(until=b"spinning")
    with control_of(running) as control:
        for name in ("x" * 300, "a\0b", f"{loop}/a", "x" * 250):
            with pytest.raises(CommandFailed, match=r"^snapshot .*; expected "):
                control.snapshot(tmp_path / name)
        image.unlink()
        with pytest.raises(CommandFailed, match=r"disk\.img: No such file or directory; expected"):
            control.snapshot(tmp_path / "a.snap")
        in_the_middle(control)
        control.stop()
    assert running.wait() == 130
    assert set(tmp_path.iterdir()) == {loop, running.directory}


def test_the_copy_of_ram_is_let_go_when_it_is_written(start: START, tmp_path: Path) -> None:
    running = start(guest("spin"), "--control", "--quiet")
    running.read(until=b"spinning")
    maps = Path(f"/proc/{running.process.pid}/maps")
    with control_of(running) as control:
        control.snapshot(tmp_path / "a.snap")
        assert "snapshot of ram" not in maps.read_text()
        control.stop()
    assert running.wait() == 130
