"""Campaigns whose runs go on from a snapshot, each with values and input of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from campaign_harness import CampaignRunning
from run_harness import LIMIT, eventually, guest

from mttcg.campaign.errors import CampaignFileError
from mttcg.campaign.file import read_campaign
from mttcg.campaign.plan import make_plan

Start = Callable[..., CampaignRunning]


def taken(folder: Path, name: str, place: str) -> Path:
    """A snapshot of an example guest, taken at a place."""
    path = folder / f"{name}.snap"
    command = [sys.executable, "-m", "mttcg", "run", guest(name), "--smp", "2", "--quiet"]
    given = ["--snapshot", str(path), "--snapshot-at", place]
    path.unlink(missing_ok=True)
    with subprocess.Popen([*command, *given], stdin=subprocess.PIPE) as process:  # nothing comes
        eventually(path.exists, LIMIT)
        process.terminate()
    return path


def test_runs_go_on_from_a_snapshot_with_values_of_their_own(
    campaign: Start, tmp_path: Path
) -> None:
    taken(tmp_path, "timer", "guest_trap")
    text = """
        [[runs]]
        name = "timer"
        from = "timer.snap"
        set = { rounds = [20, 50] }
        plugins = "icount"
    """
    running = campaign(text)
    assert running.wait() == 0, running.stderr
    rows = running.rows()
    assert [row["set.rounds"] for row in rows] == [20, 50]
    for row in rows:
        assert (row["outcome"], row["smp"], row["guest"]) == ("passed", 2, "timer.snap")
        assert row["console"].count(f"timer interrupts {row['set.rounds']} ok") == 2
        assert row["report.icount.total.instructions"] == row["instructions"] > 0
    running.check_nothing_left()
    taken(tmp_path, "timer", "guest_trap")
    again = campaign(text)  # another file of the same name: its runs are made
    assert again.wait() == 0
    assert {row["key"] for row in again.rows()}.isdisjoint(row["key"] for row in rows)


def test_each_run_is_typed_what_it_is_to_read(campaign: Start, tmp_path: Path) -> None:
    path = taken(tmp_path, "echo", "guest_main")
    running = campaign('[[runs]]\ntype = ["one q", "two q"]', "--from", str(path))
    assert running.wait() == 0, running.stderr
    rows = running.rows()
    assert [row["input"] for row in rows] == ["one q", "two q"]
    assert [row["run"] for row in rows] == [f"runs1: echo type='{t} q'" for t in ("one", "two")]
    for row, said in zip(rows, ("ONE", "TWO"), strict=True):
        assert said in row["console"], row["console"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('from = "a.snap"\nsmp = 2', "smp is what a snapshot says"),
        ('from = "a.snap"\nguests = "b.elf"', "guests is what a snapshot says"),
        ('from = "a.snap"', "it is not one; expected a file that `snapshot` has written"),
        ('from = "none.snap"', "No such file"),
        ('guests = "a.snap"\ninput = "a.snap"\ntype = "x"', "there is `input`, too"),
        ("", "there are no guests; expected guests = "),
    ],
)
def test_what_can_not_be_is_said_before_anything_runs(
    tmp_path: Path, text: str, wrong: str
) -> None:
    (tmp_path / "a.snap").write_bytes(b"no snapshot")
    (tmp_path / "some.toml").write_text(f"[[runs]]\n{text}")
    with pytest.raises(CampaignFileError, match=wrong):
        make_plan(read_campaign(tmp_path / "some.toml"))
