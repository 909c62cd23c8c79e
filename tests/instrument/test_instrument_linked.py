"""Guests that are linked for other addresses than they are loaded to: all is where it is used."""

import json
from pathlib import Path
from typing import Any

import pytest
from instrument_harness import Done, plugin, run_guest

from mttcg.guest.elf import load_guest
from mttcg.hardware.boards.riscv_virt import RAM_BASE
from mttcg.instrument import elf_segments, source_lines
from mttcg.instrument.program.reach import Reach
from mttcg.memory.ram import RamRange
from mttcg_bus.run_info import RunInfo

HIGH, APART = 0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_C000_0000
MEMORY = 128 << 20
RAM = RAM_BASE, MEMORY


def run_with_all(guest: Path, function: str, folder: Path, **symbols: int) -> Done:
    return run_guest(
        guest,
        plugin("at_function", function=function, out=folder / "seen"),
        f"coverage,top=0,lcov={folder}/lcov,drcov={folder}/drcov",
        "hotblocks,top=0",
        f"callgraph,top=0,out={folder}/stacks",
        "execlog,last=1000",
        symbols=symbols,
    )


def named(done: Done, plugin: str, table: str, name: str, column: str) -> dict[str, Any]:
    return {row[name]: row[column] for row in done.report(plugin)[table]}


def lcov_counts(file: Path) -> dict[str, str]:
    """FNDA by function."""
    found = [line for line in file.read_text().splitlines() if line.startswith("FNDA:")]
    return {name: count for count, _, name in (line[5:].partition(",") for line in found)}


def lines_that_ran(file: Path, source: Path) -> set[str]:
    """The text of the source lines of a guest that ran."""
    (record,) = file.read_text().split("end_of_record\n")[:-1]
    assert f"SF:{source}\n" in record
    text, rows = source.read_text().splitlines(), record.splitlines()
    ran = [row[3:].split(",") for row in rows if row.startswith("DA:")]
    return {text[int(line) - 1].strip() for line, count in ran if count != "0"}


def test_a_guest_that_is_linked_high(own_guests: dict[str, Path], tmp_path: Path) -> None:
    done = run_with_all(own_guests["high"], "work", tmp_path)
    assert (done.result.exit_status, done.result.failures, done.result.warnings) == (5, [], [])
    assert done.report("at_function")["total"] == {"calls": 2, "blocks": 2}
    assert json.loads((tmp_path / "seen").read_text())["address"] == RAM_BASE + 0x3C
    hot = named(done, "hotblocks", "hottest", "symbol", "executions")
    assert (hot["work"], hot["_start"]) == (2, 1)
    assert "" not in hot
    assert named(done, "callgraph", "functions", "function", "own") == {"work": 12, "_start": 15}
    stacks = "vCPU 0;_start 15\nvCPU 0;_start;work 12\n"
    assert (tmp_path / "stacks").read_text() == stacks
    assert all(row["symbol"] for row in done.report("execlog")["last"])
    assert named(done, "coverage", "least covered", "function", "executed") == {
        "work": 20,
        "_start": 58,
    }
    assert lcov_counts(tmp_path / "lcov") == {"_start": "1", "work": "2"}
    source = Path(__file__).with_name("guests") / "high.S"
    ran = lines_that_ran(tmp_path / "lcov", source)
    assert {"call work", "ld t0, (t0)", "sd t1, (t0)", "ret"} <= ran
    assert "j park" not in ran
    head = (tmp_path / "drcov").read_bytes().partition(b"BB Table")[0].decode()
    places = [line.split(", ") for line in head.splitlines()[4:]]
    assert [(int(row[2], 16), int(row[6], 16)) for row in places[:3]] == [
        (RAM_BASE, HIGH),
        (RAM_BASE + 0x1000, HIGH + 0x1000),
        (RAM_BASE + 0x10000, APART),
    ]


def test_variables_of_a_guest_that_is_linked_high(
    own_guests: dict[str, Path], tmp_path: Path
) -> None:
    calls = plugin("at_function", function="calls", out=tmp_path / "seen")
    done = run_guest(own_guests["high"], calls, symbols={"far": 9, "calls": 40})
    assert (done.result.exit_status, done.result.failures) == (9, [])
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen == {"address": RAM_BASE + 0x1000, "bytes": (42).to_bytes(8, "little").hex()}
    (warning,) = done.result.warnings
    assert warning.startswith("plugin at_function attaches at 0x80001000, in a segment that is not")


def test_code_that_the_guest_moves_is_where_it_is_moved_to(
    own_guests: dict[str, Path], tmp_path: Path
) -> None:
    done = run_with_all(own_guests["moved"], "fast", tmp_path, start_value=7)
    assert (done.result.exit_status, done.result.failures, done.result.warnings) == (7, [], [])
    assert done.report("at_function")["total"] == {"calls": 3, "blocks": 3}
    assert json.loads((tmp_path / "seen").read_text())["address"] == 0x8010_0000
    assert named(done, "hotblocks", "hottest", "symbol", "executions")["fast"] == 3
    assert named(done, "callgraph", "functions", "function", "own")["fast"] == 12
    assert {"_start": "1", "fast": "3"}.items() <= lcov_counts(tmp_path / "lcov").items()
    ran = lines_that_ran(tmp_path / "lcov", Path(__file__).with_name("guests") / "moved.S")
    assert {"ld t1, (t0)", "ret"} <= ran


def test_what_subscribers_and_authors_are_told(own_guests: dict[str, Path]) -> None:
    for guest, name, address in (
        ("high", "work", RAM_BASE + 0x3C),
        ("high", "data_end", RAM_BASE + 0x1008),
        ("high", "far", RAM_BASE + 0x10000),
        ("moved", "fast", 0x8010_0000),
        ("moved", "fast_loaded", RAM_BASE + 0x78),
        ("moved", "fast_end", 0x8010_0018),
    ):
        image = load_guest(own_guests[guest], *RAM)
        symbols = tuple((s.address, s.size, s.name) for s in image.symbols)
        run = RunInfo("", guest, 1, "llvm", *RAM, image.entry, symbols)
        assert image.symbol(name) == address
        assert run.entry == RAM_BASE
        assert {s[2]: s[0] for s in run.symbols}[name] == address
    high, moved = own_guests["high"], own_guests["moved"]
    assert source_lines(high).at(RAM_BASE) is not None
    assert source_lines(high).at(RAM_BASE) == source_lines(high, RAM).at(RAM_BASE)
    assert source_lines(high).at(HIGH) is None
    assert source_lines(moved, RAM).at(0x8010_0000) is not None
    assert source_lines(moved).at(RAM_BASE + 0x78) is not None  # without RAM, as it is loaded
    assert [s.address for s in elf_segments(moved, RAM)] == [RAM_BASE, 0x8010_0000]
    assert [s.address for s in elf_segments(moved)] == [RAM_BASE, RAM_BASE + 0x78]


@pytest.mark.parametrize("late", ["no", "yes"])
def test_what_is_attached_where_no_code_can_run_is_told(
    own_guests: dict[str, Path], late: str
) -> None:
    ram = "where no code can run: RAM is 0x80000000 to 0x87ffffff"
    for address, wrong in (
        (HIGH + 0x3C, f"{ram}; what was linked for it was loaded to 0x8000003c"),
        (0x1000, ram),
        (RAM_BASE + MEMORY, ram),
    ):
        spec = plugin("at_function", address=hex(address), late=late)
        done = run_guest(own_guests["high"], spec, smp=2)
        assert (done.result.exit_status, done.result.failures) == (5, [])
        assert done.result.warnings == [f"plugin at_function attaches at {address:#x}, {wrong}"]
        assert done.report("at_function")["total"] == {"calls": 0, "blocks": 0}


def test_ram_may_be_filled_later_and_data_is_warned_of_once(own_guests: dict[str, Path]) -> None:
    for late in ("no", "yes"):
        empty = plugin("at_function", address=hex(RAM_BASE + 0x2_0000), late=late)
        done = run_guest(own_guests["high"], empty, smp=2)
        assert (done.result.exit_status, done.result.warnings) == (5, [])
        data = plugin("at_function", function="far", late=late)
        done = run_guest(own_guests["high"], data, smp=2)
        (warning,) = done.result.warnings  # two things on each of two vCPUs
        assert "attaches at 0x80010000, in a segment that is not executable" in warning


def test_reach_goes_to_another_process_whole(own_guests: dict[str, Path]) -> None:
    image = load_guest(own_guests["moved"], *RAM)
    reach = Reach.from_plain(
        json.loads(json.dumps(Reach(RamRange(*RAM), image.placements).to_plain()))
    )
    assert reach.placements.segments == image.placements.segments
    assert reach.doubt(0x8010_0000) is None
    assert reach.doubt(RAM_BASE - 2) is not None
