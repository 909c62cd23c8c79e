"""Outputs for which there is no room: what was written is good, one line says so, and status 70."""

import re
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from run_harness import Running, guest

from mttcg import Machine
from mttcg.cli import main
from mttcg.instrument import events
from mttcg_bus.recording.recording import RecordingWriter
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.parts import Parts
from mttcg_bus.wire.stream import StreamSpec
from mttcg_plugins import memtrace

PLUGINS = ("memtrace", "execlog", "coverage", "callgraph", "timeline")


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """Let the kernel make no file of this process longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of all plugins that write files."""
    path = tmp_path_factory.mktemp("recorded") / "calls.rec"
    machine = Machine(guest("calls"), plugins=list(PLUGINS), record=path, aggregate=False)
    result = machine.run(console=BytesIO())
    assert (result.exit_status, result.failures) == (0, [])
    return path


MOST = 1000
"""Bytes for each file in the tests of a replay."""


@pytest.mark.parametrize(
    ("name", "option", "end"),
    [
        ("execlog", "out", "it ends after "),
        ("memtrace", "out", ""),
        ("coverage", "drcov", "it is not written"),
        ("callgraph", "out", "it is not written"),
        ("timeline", "out", "it is not written"),
    ],
)
def test_a_plugins_file_without_room(
    recording: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    option: str,
    end: str,
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    out, whole = folder / "file", tmp_path / "whole"
    assert main(["replay", str(recording), "--plugin", f"{name},{option}={whole}"]) == 0
    out.write_bytes(b"before")
    most = MOST + 1024 if name == "memtrace" else 100 if name == "callgraph" else MOST
    capsys.readouterr()
    with longest_file(most):
        status = main(["replay", str(recording), "--plugin", f"{name},{option}={out}"])
    shown = capsys.readouterr()
    assert status == 70
    assert shown.err.startswith(f"mttcg: plugin {name}: incomplete: {out}: File too large; {end}")
    assert shown.err.count("\n") == 1
    assert [path.name for path in folder.iterdir()] == ["file"]
    expected, found = whole.read_bytes(), out.read_bytes()
    if end == "it is not written":
        assert found == b"before"
    elif name == "execlog":
        assert found[-1:] in (b"\n", b"")
        assert expected.startswith(found)
    else:
        assert len(np.load(out)) < len(np.load(whole))


NO_ROOM = """

import resource


def begin_without_room(self, shard=None, begin=Aggregator.begin):
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
    begin(self, shard)


Aggregator.begin = begin_without_room
"""
"""What makes of memtrace a plugin whose aggregator may write 4 MiB to a file, and no more."""


@pytest.mark.parametrize("shards", [1, 2])
def test_a_run_goes_on_when_its_plugins_file_is_full(
    start: Callable[..., Running], tmp_path: Path, shards: int
) -> None:
    own = tmp_path / "no_room.py"
    own.write_text(Path(memtrace.__file__).read_text() + NO_ROOM)
    spec = f"{own},out={tmp_path / 'trace.npy'}"
    options = ("--smp", "2", "--quiet", "--set", "rounds=50000", "--shards", str(shards))
    running = start(guest("counter"), *options, "--plugin", spec, with_json=True)
    assert running.wait() == 70
    report = running.result["plugins"]["no_room"]
    ledger = running.result["ledger"]["no_room.access"]
    assert ledger["emitted"] == ledger["delivered"] == report["accesses"]
    written, faults = 0, []
    for file in report["file"].split("; "):
        found = len(np.load(file, mmap_mode="r"))
        accesses = [v["reads"] + v["writes"] for v in report["vcpus"]]
        of = sum(accesses) if shards == 1 else accesses[int(file.split(".")[-2])]
        faults.append(f"{file}: File too large; it has {found} of {of} records")
        written += found
    assert report["accesses"] > shards * (4 << 20) // 32 >= written > 0
    assert sorted(faults) == faults
    (failure,) = running.result["failures"]
    told = re.fullmatch(r"the report of the aggregator of no_room is incomplete \((.*)\)", failure)
    assert told is not None
    assert sorted(told[1].split("; /")) == sorted("; ".join(faults).split("; /"))
    assert running.stderr == f"mttcg: {failure}\n"
    running.check_nothing_left()


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_result_without_room_leaves_what_was_there(
    option: str, tmp_path: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "result"
    out.write_bytes(b"before")
    with longest_file(10):
        status = main(["replay", str(recording), "--plugin", "memtrace", option, str(out)])
    assert status == 70
    assert capsys.readouterr().err == f"mttcg: {option}: {out}: File too large\n"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_tables_without_room_are_whole_or_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    polars = pytest.importorskip("polars")
    from mttcg_bus.recording import parquet

    monkeypatch.setattr(parquet, "ROWS_A_FILE", 100)
    out, recording = tmp_path / "tables", tmp_path / "recording"
    write_recording(recording, [100, 10_000])
    with longest_file(20_000):
        status = main(["export", str(recording), "--parquet", str(out)])
    assert status == 70
    err = capsys.readouterr().err
    assert err.startswith(f"mttcg: {out}/") and err.endswith(
        ".parquet: File too large; it is not written\n"
    )
    assert err.count("\n") == 1
    (file,) = (path for path in out.rglob("*") if path.is_file())
    assert (file.name, len(polars.read_parquet(file))) == ("00000.parquet", 100)


def write_recording(path: Path, counts: list[int]) -> None:
    """Write one with a stream of random records, in batches of so many."""
    spec = StreamSpec("memtrace.access", events.ACCESS)
    run = RunInfo("r1", "/g.elf", 1, "none", 0, 0, 0, (), ("memtrace",))
    writer = RecordingWriter(path, Parts(run, {spec.name: spec}, ("",)))
    first, random = 0, np.random.default_rng(1)
    for count in counts:
        content = random.integers(0, 256, count * spec.dtype.itemsize, np.uint8)
        writer.write(Batch(spec.name, 0, first, content.view(spec.dtype)))
        first += count
    writer.finish()
    writer.close()


def test_a_console_without_room_is_said_once(start: Callable[..., Running]) -> None:
    with Path("/dev/full").open("wb") as full:
        running = start(guest("hello"), "--quiet", stdout=full)
        assert running.wait() == 70
    assert running.stderr == (
        "mttcg: the guest's later output is lost: its console failed: No space left on device\n"
    )


@pytest.mark.parametrize("verb", [("plugins",), ("plugins", "memtrace"), ("--version",)])
def test_what_a_verb_prints_has_no_room(
    start: Callable[..., Running], verb: tuple[str, ...]
) -> None:
    unbuffered = {"PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("wb") as full:
        running = start(*verb, program=("-m", "mttcg"), stdout=full, environment=unbuffered)
        assert running.wait() == 70
    assert running.stderr == "mttcg: standard output: No space left on device\n"


FULL_STDERR = """
import os, sys
os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
from mttcg.cli import main
from mttcg.instrument import events
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.parts import Parts
from mttcg_bus.recording.recording import RecordingWriter
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import StreamSpec
from mttcg_plugins import memtrace
sys.exit(main())
"""


@pytest.mark.parametrize(("name", "status"), [("hello", 0), ("absent", 2)])
def test_that_stderr_has_no_room_changes_no_status(
    start: Callable[..., Running], name: str, status: int
) -> None:
    assert start("run", guest(name), program=("-c", FULL_STDERR)).wait() == status


def test_of_two_results_without_room_both_are_named(start: Callable[..., Running]) -> None:
    full = ("--json", "/dev/full", "--html", "/dev/full", "--quiet")
    running = start(guest("hello"), *full)
    assert running.wait() == 70
    assert sorted(running.stderr.splitlines()) == [
        f"mttcg: {option}: /dev/full: No space left on device" for option in ("--html", "--json")
    ]
