"""Campaigns on this machine: what they find, and what kills, limits and signals do to them."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from campaign_harness import CampaignRunning, run_here
from run_harness import GUESTS, PLUGINS, eventually, guest

from mttcg.campaign import execute
from mttcg.campaign.attempt import Ended
from mttcg.campaign.file import read_campaign
from mttcg.campaign.plan import make_plan

Start = Callable[..., CampaignRunning]

SPIN = f"""
retries = 1
[[runs]]
guests = "{guest("spin")}"
"""
WITH_AN_END = f"""
[[runs]]
name = "ends"
guests = "{guest("htif")}"
set = {{ exit_code = [0, 3] }}
"""


def test_a_row_holds_what_the_run_found(campaign: Start) -> None:
    running = campaign(f"""
        [defaults]
        labels = {{ suite = "all", size = 1 }}
        [[runs]]
        name = "hello"
        guests = "{guest("hello")}"
        smp = 2
        plugins = ["icount", ["icount", "memtrace,out=trace.npy"]]
        labels = {{ size = 2 }}
        [[runs]]
        name = "codes"
        guests = "{GUESTS}/ht*.elf"
        set = {{ exit_code = [3, 0] }}
        expect = [0, 4]
        [[runs]]
        name = "echo"
        guests = "{guest("echo")}"
        input = "{Path(__file__).with_name("input.txt")}"
    """)
    assert running.wait() == 70
    assert (
        "mttcg: codes: htif exit_code=3: failed: exit status 3; expected 0 or 4" in running.stderr
    )
    plain, traced, three, zero, echo = running.rows()
    for row in (plain, traced):
        assert (row["outcome"], row["exit_status"], row["attempts"]) == ("passed", 0, 1)
        assert (row["label.suite"], row["label.size"], row["smp"]) == ("all", 2, 2)
        assert row["report.icount.total.instructions"] == row["instructions"]
        assert sum(vcpu["instructions"] for vcpu in row["vcpus"]) == row["instructions"] > 0
        assert json.loads(row["reports"])["icount"]["total"]["instructions"] == row["instructions"]
        lines = sorted(row["console"].splitlines())
        assert lines == ["hello from hart 0 of 2", "hello from hart 1 of 2"]
    assert traced["plugins"] == ["icount", "memtrace,out=trace.npy"]
    left = running.file.with_suffix(".results") / "files"
    assert [path.relative_to(left) for path in left.rglob("*.npy")] == [
        Path(traced["key"], "trace.npy")
    ]
    assert (three["outcome"], three["exit_status"], three["set.exit_code"]) == ("failed", 3, 3)
    assert (zero["outcome"], zero["exit_status"], zero["label.size"]) == ("passed", 0, 1)
    assert echo["console"].endswith("HELLO Q") or "HELLO" in echo["console"]
    running.check_nothing_left()


def test_a_time_limit_ends_a_run_and_the_others_go_on(campaign: Start) -> None:
    text = f"{SPIN}\ntime-limit = 1\n{WITH_AN_END}\nexpect = [0, 3]"
    running = campaign(text)
    assert running.wait() == 70
    rows = running.rows_by_run()
    assert rows["runs1: spin"]["outcome"] == "timed out"
    assert rows["runs1: spin"]["failure"] == "it was stopped after 1 s"
    assert {row["outcome"] for row in rows.values()} == {"timed out", "passed"}
    running.check_nothing_left()
    # with the same limit it is not run again, nor are the others
    assert campaign(text).wait() == 70
    assert [row["started"] for row in running.rows()] == [row["started"] for row in rows.values()]


def test_at_the_time_limit_the_guest_is_stopped_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        """Stands still until the guest has printed, then shows that its time is over."""

        time = staticmethod(time.time)
        shown = False

        @classmethod
        def monotonic(cls) -> float:
            return time.monotonic() + (1000 if cls.shown else 0)

    class Watched(execute.Tail):
        def add(self, piece: bytes) -> None:
            super().add(piece)
            Clock.shown |= b"spinning on 1 hart\n" in self.kept  # it comes in pieces

    (tmp_path / "some.toml").write_text(f"{SPIN}\ntime-limit = 900")
    [run] = make_plan(read_campaign(tmp_path / "some.toml")).runs
    monkeypatch.setattr(execute, "time", Clock)
    monkeypatch.setattr(execute, "Tail", Watched)
    monkeypatch.setattr(execute, "STOP_SECONDS", 2000.0)
    (tmp_path / "place").mkdir()
    paths = {file.digest: Path(file.path) for file in run.task.files}
    attempt = execute.execute(run.task, paths, tmp_path / "place", execute.Stop())
    assert (attempt.ended, attempt.status) == (Ended.TIME_LIMIT, 143)
    assert attempt.result is not None  # what it had done by then
    assert attempt.result["stop_reason"] == "interrupted"
    assert attempt.console == "spinning on 1 hart\n"


def test_a_run_whose_process_is_killed_is_tried_again_as_often_as_it_may(campaign: Start) -> None:
    running = campaign(SPIN)
    [first] = running.runs()
    first.kill()
    [second] = eventually(lambda: [run for run in running.runs() if run.pid != first.pid], 60)
    second.kill()
    assert running.wait() == 70
    [row] = running.rows()
    assert (row["outcome"], row["attempts"]) == ("lost", 2)
    assert row["failure"] == "the run's process ended: signal 9"
    assert "lost, and run again: runs1: spin (attempt 1: " in running.stderr
    running.check_nothing_left()


def test_a_campaign_that_is_killed_leaves_nothing_and_goes_on(campaign: Start) -> None:
    text = f"{WITH_AN_END}\n{SPIN.partition('1')[2]}"
    running = campaign(text, "--jobs", "1")
    running.runs()  # at first one of those that end
    records = running.file.with_suffix(".results") / "runs"
    eventually(lambda: len(list(records.glob("*.json"))) == 2, 60)
    running.runs()
    running.process.kill()
    running.process.wait()
    running.check_nothing_left()
    assert list(records.parent.glob("results.parquet")) == []

    ended = {path.name: path.stat().st_mtime_ns for path in records.glob("*.json")}
    again = campaign(text.replace("[[runs]]\nguests", "[[runs]]\ntime-limit = 1\nguests"))
    assert again.wait() == 70
    assert "2 of 3 runs had ended before" in again.stderr
    assert {name: (records / name).stat().st_mtime_ns for name in ended} == ended
    outcomes = [row["outcome"] for row in again.rows()]
    assert outcomes == ["passed", "failed", "timed out"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_in_order_and_it_can_go_on(campaign: Start, number: int) -> None:
    running = campaign(SPIN)
    running.runs()
    os.kill(running.process.pid, number)
    assert running.wait() == 128 + number
    assert "interrupted; the same command goes on from here" in running.stderr
    running.check_nothing_left()
    assert running.rows() == []
    assert run_here(running.file, "--list") == 0


def test_a_second_signal_kills(campaign: Start) -> None:
    running = campaign(f"""
        [[runs]]
        guests = "{guest("spin")}"
        plugins = "{PLUGINS}/stubborn.py,at=vcpu_exit"
    """)
    running.runs()
    os.kill(running.process.pid, signal.SIGINT)
    eventually(lambda: "stopping the runs" in running.stderr)
    os.kill(running.process.pid, signal.SIGINT)
    assert running.wait() == 130
    assert "killing the runs" in running.stderr
    running.check_nothing_left()


def test_what_failed_can_be_run_again(campaign: Start, tmp_path: Path) -> None:
    first = campaign(WITH_AN_END)
    assert first.wait() == 70
    before = first.rows_by_run()
    again = campaign(WITH_AN_END, "--again", "failed", "--quiet")
    assert again.wait() == 70
    after = again.rows_by_run()
    zero, three = "ends: htif exit_code=0", "ends: htif exit_code=3"
    assert after[zero] == before[zero]
    assert after[three]["started"] > before[three]["started"]
    assert again.stderr == f"mttcg: {three}: failed: exit status 3; expected 0\n"
    # what counts as success is not part of a run
    assert campaign(f"{WITH_AN_END}\nexpect = [0, 3]").wait() == 0


def test_one_campaign_at_a_time_writes_to_a_directory(
    campaign: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    running = campaign(SPIN)
    running.runs()
    assert run_here(running.file) == 2
    assert "another campaign is writing there" in capsys.readouterr().err


def test_a_plugin_that_refuses_fails_its_run_alone(campaign: Start) -> None:
    running = campaign(f"""
        [[runs]]
        guests = "{guest("hello")}"
        plugins = [[], "{PLUGINS}/refusing.py"]
    """)
    assert running.wait() == 70
    good, refused = running.rows()
    assert (good["outcome"], refused["outcome"]) == ("passed", "failed")
    assert refused["failure"].startswith("plugin refusing: ")
    assert refused["instructions"] is None


def test_a_seed_that_loses_an_update_is_found_and_loses_it_each_time(campaign: Start) -> None:
    running = campaign(f"""
        [[runs]]
        guests = "{guest("races")}"
        smp = 2
        deterministic = true
        quantum = 10
        seed = [0, 1, 2, 3]
        set = {{ fault = 1, rounds = 40 }}
        repeats = 2
    """)
    assert running.wait() == 0
    found: dict[int, set[tuple[str, int]]] = {}
    for row in running.rows():
        assert row["deterministic"]
        found.setdefault(row["seed"], set()).add((row["console"], row["instructions"]))
    assert set(found) == {0, 1, 2, 3}
    assert all(len(each) == 1 for each in found.values()), "both runs of a seed are the same"
    assert any(text != "counted 80\n" for each in found.values() for text, _ in each)
