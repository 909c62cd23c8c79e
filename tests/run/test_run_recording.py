"""Runs that are recorded, and what is made of the recordings."""

import json
import signal
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from run_harness import ROLES, Running, eventually, guest, marked

from mttcg import Machine
from mttcg.cli import main
from mttcg.errors import OptionError
from mttcg_bus import Batch, Recording

STREAM = "memtrace.access"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A recording, and memtrace's report of the same run."""
    path = tmp_path_factory.mktemp("recorded") / "hello.rec"
    plugins = ["memtrace,top=3", "hotblocks"]
    result = Machine(guest("hello"), smp=2, plugins=plugins, record=path).run(console=BytesIO())
    assert (result.exit_status, result.failures) == (0, [])
    assert {subscriber["name"] for subscriber in result.subscribers} == {
        "memtrace",
        "hotblocks",
        "recorder",
    }
    return path, result.to_json()["plugins"]["memtrace"]


def replay(path: Path, out: Path, spec: str = "memtrace,top=3") -> tuple[int, dict[str, Any]]:
    status = main(["replay", str(path), "--plugin", spec, "--json", str(out)])
    return status, json.loads(out.read_text())


def test_a_replay_reports_what_the_run_reported(
    recorded: tuple[Path, dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, report = recorded
    status, replayed = replay(path, tmp_path / "report.json")
    assert (status, replayed["complete"]) == (0, True)
    assert replayed["report"] == report
    assert f"{report['accesses']:,}" in capsys.readouterr().out


def test_a_cut_recording_is_replayed_as_far_as_it_is_good(
    recorded: tuple[Path, dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = tmp_path / "cut.rec"
    cut.write_bytes(recorded[0].read_bytes()[:-1])
    status, replayed = replay(cut, tmp_path / "report.json")
    assert (status, replayed["complete"]) == (70, False)
    assert replayed["report"] == recorded[1]
    assert "cut after byte" in capsys.readouterr().err


def test_a_recording_without_the_plugins_stream_is_a_mistake(
    recorded: tuple[Path, dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(__file__).parents[2] / "plugins" / "mttcg_plugins" / "memtrace.py"
    path = recorded[0].with_name("strange.py")
    path.write_text(other.read_text())
    assert main(["replay", str(recorded[0]), "--plugin", str(path)]) == 2
    assert f"has no stream of it; it has {STREAM}" in capsys.readouterr().err


def test_a_recording_becomes_tables(
    recorded: tuple[Path, dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polars = pytest.importorskip("polars")
    out = tmp_path / "tables"
    assert main(["export", str(recorded[0]), "--parquet", str(out)]) == 0
    table = polars.read_parquet(out / STREAM / "*.parquet")
    assert len(table) == recorded[1]["accesses"]
    assert f"{len(table):,} rows" in capsys.readouterr().out
    with Recording(recorded[0], [f"{STREAM}/0001"]) as recording:
        addresses = [
            int(address)
            for item in recording
            if isinstance(item, Batch)
            for address in item.records["address"]
        ]
    second = table.filter(polars.col("cpu") == 1).sort("number")
    assert second["address"].to_list() == addresses
    assert main(["export", str(recorded[0]), "--parquet", str(out)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_without_polars_export_says_how_to_get_it(
    recorded: tuple[Path, dict[str, object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    assert main(["export", str(recorded[0]), "--parquet", str(tmp_path / "p")]) == 2
    assert capsys.readouterr().err == (
        "mttcg: --parquet needs polars; install it with: pip install 'mttcg[parquet]'\n"
    )


def test_a_killed_recorder_costs_the_run_its_status_and_leaves_a_recording(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    path = tmp_path / "spin.rec"
    running = start(guest("spin"), "--plugin", "memtrace", "--record", str(path), with_json=True)
    running.read(until=b"spinning on 1 hart\n")
    recorders = [p for p in marked(running.mark) if "record" in p.cmdline()]
    assert ROLES["aggregator"] not in recorders[0].cmdline()
    eventually(lambda: path.stat().st_size > 1 << 14)
    recorders[0].kill()
    eventually(lambda: not recorders[0].is_running() or recorders[0].status() == "zombie")
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert any("the recorder gave no report (signal 9)" in f for f in running.result["failures"])
    with Recording(path) as recording:
        seen = 0
        with pytest.raises(Exception, match="cut after byte"):
            for item in recording:
                seen += len(item.records) if isinstance(item, Batch) else 0
    assert seen == recording.records > 0


def test_nothing_to_record_is_a_mistake(tmp_path: Path) -> None:
    machine = Machine(guest("hello"), plugins=["icount"], record=tmp_path / "r")
    with pytest.raises(OptionError, match="nothing to record"):
        machine.run(console=BytesIO())


def test_an_access_takes_less_than_three_bytes(tmp_path: Path) -> None:
    path = tmp_path / "r"
    machine = Machine(
        guest("mix"), symbols_set={"rounds": 1}, plugins=["memtrace"], record=path, aggregate=False
    )
    result = machine.run(console=BytesIO())
    assert (result.exit_status, result.failures) == (0, [])
    accesses = result.ledger["memtrace.access"]["emitted"]
    assert accesses > 100_000
    assert path.stat().st_size < 3 * accesses


def test_a_recording_stops_at_its_limit_and_the_guest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, limit = tmp_path / "r", 128 << 10
    machine = Machine(guest("mix"), plugins=["memtrace"], record=path, record_limit=limit)
    result = machine.run(console=BytesIO())
    assert (result.exit_status, result.stop_reason) == (70, "the guest ended")
    assert path.stat().st_size <= limit
    why = f"it has reached its limit of {limit} bytes"
    left = {one["name"]: one for one in result.subscribers}
    assert left["recorder"]["reason"] == f"stopped: {why}"
    recorded = left["recorder"]["ledger"]["memtrace.access"]["delivered"]
    # the aggregator has all that there was, however little was recorded
    ledger = result.ledger["memtrace.access"]
    assert left["memtrace"]["ledger"]["memtrace.access"]["delivered"] == ledger["emitted"]
    assert result.plugins["memtrace"]["accesses"] == ledger["emitted"] > recorded > 0
    status, replayed = replay(path, tmp_path / "report.json")
    assert (status, replayed["complete"], replayed["report"]["accesses"]) == (70, False, recorded)
    assert f"stopped ({why}); {recorded} records in " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--record-limit", "1G"), "there is no --record"),
        (("--record", "r", "--record-limit", "65535"), "65535 bytes is too little"),
        (("--record", "r", "--record-limit", "much"), "'much' is not a size"),
    ],
)
def test_a_limit_that_no_recording_has(
    arguments: tuple[str, ...], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", guest("hello"), "--plugin", "memtrace", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"mttcg: --record-limit: {wrong}; expected ")
