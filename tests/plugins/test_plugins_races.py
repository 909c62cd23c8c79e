"""races: a counter of all harts under locks is clean, and without them it is not."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_runs import GUESTS, replay, run

from mttcg.errors import OptionError
from mttcg.instrument import events
from mttcg_bus.run_info import RunInfo
from mttcg_plugins.races import Aggregator

MARKED = "/* the race */"


@pytest.mark.parametrize("guest", ["races", "counter", "ipi"])
def test_what_locks_barriers_and_interrupts_order_is_clean(guest: str) -> None:
    assert run(guest, "races", rounds=50)["races"] == []


def test_a_counter_without_a_lock_races(tmp_path: Path) -> None:
    recording = tmp_path / "races.rec"
    report = run("races", "races", rounds=50, fault=1, record=recording)
    assert {row["symbol"] for row in report["races"]} == {"raced_counter"}
    assert "store, store" in {row["accesses"] for row in report["races"]}
    (line,) = (
        number
        for number, text in enumerate((GUESTS / "races.c").read_text().splitlines(), 1)
        if MARKED in text
    )
    sides = [row[side] for row in report["races"] for side in ("first", "second")]
    assert all(
        re.fullmatch(rf"count_without_lock\+0x\w+ races\.c:{line}", side) for side in sides
    ), sides
    assert "no lines" not in report
    assert replay(recording, "races") == report


def report_of_one(guest: str) -> Any:
    """What is reported of two vCPUs that store to one place, both from the guest's entry."""
    info = RunInfo("r", guest, 2, "llvm", 0x8000_0000, 1 << 20, 0x8000_0000)
    aggregator = Aggregator(None, info)
    for cpu in range(2):
        stored = (0x8000_0000, 0x8000_1000, 0, cpu, cpu, 8, events.WRITE, 0)
        aggregator.consume("access", cpu, np.array([stored], events.TIMED_ACCESS))
    aggregator.end()
    report = aggregator.report()
    assert report["pairs"] == 1
    return report


def test_without_the_guest_or_its_lines_it_is_said_why(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy.elf"
    shutil.copy(GUESTS / "races.elf", copy)
    with_lines = report_of_one(str(copy))
    assert with_lines["races"][0]["first"] == "0x80000000 runtime/start.S:" + start_line()
    assert "no lines" not in with_lines
    copy.unlink()
    assert "No such file" in report_of_one(str(copy))["no lines"]
    copy.write_bytes(without_sections((GUESTS / "races.elf").read_bytes()))
    bare = report_of_one(str(copy))
    assert bare["no lines"] == f"{copy} has no debug information"
    assert bare["races"][0]["first"] == "0x80000000"


def without_sections(elf: bytes) -> bytes:
    """An ELF whose header has no section headers: e_shoff, e_shnum and e_shstrndx are 0."""
    return elf[:40] + bytes(8) + elf[48:60] + bytes(4) + elf[64:]


def start_line() -> str:
    """The line of the entry, found in the source: the first instruction behind its label."""
    lines = (GUESTS / "runtime" / "start.S").read_text().splitlines()
    return str(lines.index("_start:") + 2)


def test_shards_are_refused() -> None:
    with pytest.raises(OptionError, match="can't be divided"):
        run("races", "races", shards=2)
