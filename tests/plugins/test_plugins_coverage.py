"""Coverage: its files, read back by their published formats, against what hotblocks counted."""

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_harness import GUESTS, guest_path, replayed, run_plugins

from mttcg.guest.elf import load_guest
from mttcg.hardware.boards.riscv_virt import RAM_BASE
from mttcg.instrument import SourceLines, disassemble, elf_segments, source_lines
from mttcg.instrument.errors import ElfFileError
from mttcg_plugins._counts.lines import executions_of_lines, executions_of_rows
from mttcg_plugins._files.drcov import Module, drcov_bytes, read_drcov

RECORD = re.compile(r"TN:\nSF:(?P<file>.*)\n(?P<rest>(?:.*\n)*?)end_of_record\n")

PUT = "void print_character(char character) { *device_byte(UART_BASE) = (uint8_t)character; }"


def sizes(result: Any) -> dict[int, int]:
    """Bytes of each executed block, by hotblocks."""
    memory = Memory(Path(result["guest"]))
    rows = result["plugins"]["hotblocks"]["hottest"]
    return {(pc := int(row["pc"], 16)): memory.length(pc, row["instructions"]) for row in rows}


class Memory:
    """What a guest file loads."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self.segments = [
            (s.address, content[s.offset : s.offset + s.size]) for s in elf_segments(path)
        ]

    def instructions(self, pc: int, count: int) -> list[int]:
        (code,) = (data[pc - at :] for at, data in self.segments if at <= pc < at + len(data))
        return [address for address, _, _ in disassemble(code[: 4 * count + 4], pc)][: count + 1]

    def length(self, pc: int, count: int) -> int:
        return self.instructions(pc, count)[-1] - pc


def lcov_records(path: Path) -> dict[str, list[str]]:
    text = path.read_text()
    found = {match["file"]: match["rest"].splitlines() for match in RECORD.finditer(text)}
    assert RECORD.sub("", text) == ""
    return found


def counts(lines: list[str], kind: str) -> dict[str, int]:
    """DA by line, FNDA by function."""
    pairs = [line.partition(":")[2].split(",") for line in lines if line.startswith(f"{kind}:")]
    ordered = [pair if kind == "DA" else pair[::-1] for pair in pairs]
    return {name: int(count) for name, count in ordered}


@pytest.mark.parametrize(("guest", "smp"), [("hello", 1), ("mix", 2), ("trap", 1)])
def test_drcov_has_the_blocks_that_hotblocks_counted(guest: str, smp: int, tmp_path: Path) -> None:
    file = tmp_path / "found.drcov"
    rounds = {"rounds": 1} if guest == "mix" else {}
    result = run_plugins(guest, f"coverage,drcov={file}", "hotblocks,top=0", smp=smp, **rounds)
    modules, blocks = read_drcov(file)
    counted = sizes(result)
    # an illegal instruction ends a block where it runs, whatever follows it
    ended_early = {pc for pc, size in blocks if size != counted[pc]} if guest == "trap" else set()
    assert dict(blocks) == counted | dict.fromkeys(ended_early, 4)
    assert len(ended_early) <= 1
    assert len(blocks) == len(dict(blocks)) == result["plugins"]["coverage"]["blocks"]
    segments = elf_segments(guest_path(guest))
    assert [(m.start, m.end, m.offset) for m in modules[:-1]] == [
        (s.address, s.address + s.size, s.offset) for s in segments
    ]
    hottest = result["plugins"]["hotblocks"]["hottest"]
    for vcpu in result["plugins"]["coverage"]["vcpus"]:
        own = [row for row in hottest if row[f"cpu{vcpu['cpu']}"]]
        assert vcpu["blocks"] == len(own)
        assert vcpu["alone"] == sum(row["executions"] == row[f"cpu{vcpu['cpu']}"] for row in own)
    assert result["ledger"]["coverage.blocks"]["emitted"] == sum(
        vcpu["blocks"] for vcpu in result["plugins"]["coverage"]["vcpus"]
    )  # each block once on each vCPU


def test_lcov_has_the_executions_that_execlog_saw(tmp_path: Path) -> None:
    file, log = tmp_path / "found.info", tmp_path / "log"
    run_plugins("hello", f"coverage,lcov={file}", f"execlog,out={log}")
    seen = Counter(int(line.split()[1], 16) for line in log.read_text().splitlines())
    table = source_lines(guest_path("hello"))
    symbols = load_guest(guest_path("hello"), RAM_BASE, 1 << 27).symbols
    wanted: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for pc, count in seen.items():
        place = table.at(pc)
        if place is not None:  # the compiler gives some no line
            (name,) = {s.name for s in symbols if s.address <= pc < s.address + s.size}
            of_line = wanted[str(GUESTS / place[0]), place[1]]
            of_line[name] = max(of_line.get(name, 0), count)
    assert len(wanted) > 50
    found = {}
    for name, rows in lcov_records(file).items():
        lines, functions = counts(rows, "DA"), counts(rows, "FNDA")
        found |= {(name, int(line)): count for line, count in lines.items() if count}
        for symbol in symbols:
            if symbol.name in functions:
                assert functions[symbol.name] == seen[symbol.address], symbol
        for kind, of_kind in (("L", lines), ("FN", functions)):
            hit = sum(count > 0 for count in of_kind.values())
            assert {f"{kind}F:{len(of_kind)}", f"{kind}H:{hit}"} <= set(rows)
    assert found == {line: sum(of_line.values()) for line, of_line in wanted.items()}
    assert max(found.values()) > 10


def test_lcov_of_hello_by_construction(tmp_path: Path) -> None:
    file = tmp_path / "found.info"
    run_plugins("hello", f"coverage,lcov={file}")
    records = lcov_records(file)
    source = (GUESTS / "hello.c").read_text().splitlines()
    own = counts(records[str(GUESTS / "hello.c")], "DA")
    for number, text in enumerate(source, 1):
        if text.startswith("    print_") or "console_" in text:  # each of them runs
            assert own[str(number)] == 1, text
    assert counts(records[str(GUESTS / "hello.c")], "FNDA") == {"guest_main": 1}
    console = records[str(GUESTS / "runtime" / "console.c")]
    functions = counts(console, "FNDA")
    assert functions["print_text"] == 3
    assert functions["print_number"] == 2
    text = "hello from hart 0 of 1\n"
    assert functions["print_character"] == 0  # inlined everywhere
    line = (GUESTS / "runtime" / "console.c").read_text().splitlines().index(PUT) + 1
    assert counts(console, "DA")[str(line)] == len(text)
    assert functions["print_hexadecimal"] == 0
    # told how many harts there are, the guest does not look into the device tree
    tree = records[str(GUESTS / "runtime" / "device_tree.c")]
    assert set(counts(tree, "DA").values()) == {0}


def counted_lines(source: Path) -> dict[str, int]:
    """What a guest's source says of its lines, in a comment at their ends."""
    found = {}
    for number, text in enumerate(source.read_text().splitlines(), 1):
        if match := re.search(r"/\* (\d+) \*/$", text):
            found[str(number)] = int(match[1])
    return found


def test_executions_by_construction(own_guests: dict[str, Path], tmp_path: Path) -> None:
    first, again = tmp_path / "found.info", tmp_path / "again.info"
    recording = tmp_path / "run.rec"
    specs = (f"coverage,top=0,lcov={first}", "howvec")
    for shards in (1, 2):
        result = run_plugins(own_guests["executed"], *specs, smp=3, shards=shards, record=recording)
        source = Path(__file__).with_name("guests") / "executed.S"
        rows = lcov_records(first)[str(source)]
        lines, wanted = counts(rows, "DA"), counted_lines(source)
        assert {line: lines[line] for line in wanted} == wanted
        assert counts(rows, "FNDA") == {
            "_start": 3,
            "work": 6,
            "recurse": 18,
            "enter": 3,
            "fall": 9,
            "trapping": 3,
            "never": 0,
            "on_trap": 6,
        }
        assert {"FNF:8", "FNH:7", f"LF:{len(lines)}"} < set(rows)
        report = replayed(recording, f"coverage,top=0,lcov={again}", tmp_path / "report")
        assert report == result["plugins"]["coverage"] | {"file": str(again)}
        assert again.read_text() == first.read_text()
        recording.unlink()


def test_executions_that_were_not_recorded_are_told(tmp_path: Path) -> None:
    recording, file = tmp_path / "run.rec", tmp_path / "found.info"
    result = run_plugins("hello", "coverage", record=recording)
    assert result["ledger"].keys() == {"coverage.blocks"}
    report = replayed(recording, f"coverage,lcov={file}", tmp_path / "report")
    assert report["executions"] == "of vCPU 0 are not there; what ran on them counts once"
    for rows in lcov_records(file).values():
        assert set(counts(rows, "FNDA").values()) <= {0, 1}
    assert counts(lcov_records(file)[str(GUESTS / "hello.c")], "FNDA") == {"guest_main": 1}


def test_a_line_has_the_executions_of_all_functions_with_code_of_it() -> None:
    table = SourceLines(
        np.array([0x10, 0x14, 0x18, 0x20, 0x28], dtype=np.uint64),
        np.array([0x14, 0x18, 0x1C, 0x28, 0x2C], dtype=np.uint64),
        np.array([7, 8, 7, 7, 9]),
        np.zeros(5, dtype=np.int64),
        ("inline.h",),
    )
    executions = {0x10: 3, 0x12: 2, 0x14: 9, 0x18: 4, 0x1C: 99, 0x20: 10, 0x26: 11, 1 << 63: 99}
    rows = executions_of_rows(table, executions)
    assert rows.tolist() == [3, 9, 4, 11, 0]
    lines = executions_of_lines(table, rows, [0x20, 0x10, 0x10])
    assert lines == {("inline.h", 7): 15, ("inline.h", 8): 9, ("inline.h", 9): 0}
    assert executions_of_lines(table, rows, [])["inline.h", 7] == 11


def test_parts_shards_and_a_replay_make_the_same_files(tmp_path: Path) -> None:
    recording = tmp_path / "run.rec"
    first, again = tmp_path / "one.drcov", tmp_path / "two.drcov"
    run_plugins("hello", f"coverage,top=0,drcov={first}", smp=3, shards=3, record=recording)
    replayed(recording, f"coverage,top=0,drcov={again}", tmp_path / "report")
    assert first.read_bytes() == again.read_bytes()
    assert list(tmp_path.glob("*.part")) == []


def test_code_that_was_put_into_memory_later_is_in_the_module_of_ram(tmp_path: Path) -> None:
    modules = [Module(0x1000, 0x2000, 0, 0x1000, "a, b.elf"), Module(0, 1 << 33, 0, 0, "[ram]")]
    blocks = [(0x1004, 4), (0x3000, 6), (1 << 34, 2)]
    file = tmp_path / "some.drcov"
    file.write_bytes(drcov_bytes(blocks, modules, 0x1000))
    assert read_drcov(file) == (modules, blocks[:2])


def test_mistakes_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from mttcg.cli import main

    arguments = ["run", str(guest_path("hello")), "--plugin"]
    for given, wrong in (
        (f"coverage,drcov={tmp_path}/no/x", f"option drcov: there is no folder {tmp_path}/no"),
        (f"memtrace,out={tmp_path}", f"option out: {tmp_path} is no regular file"),
        (f"coverage,lcov={tmp_path}", f"option lcov: {tmp_path} is no regular file"),
    ):
        assert main([*arguments, given]) == 2
        plugin, _, _ = given.partition(",")
        said = f"mttcg: plugin {plugin}: {wrong}; expected a file to write\n"
        assert capfd.readouterr().err == said
    recording = tmp_path / "recording"
    run_plugins("hello", "coverage", "memtrace", "timeline", record=recording)
    capfd.readouterr()
    arguments = ["replay", str(recording), "--plugin"]
    for given, wrong in (
        ("memtrace", f"option out: there is no folder {tmp_path}/no; expected a file to write"),
        ("timeline", f"option out: there is no folder {tmp_path}/no; expected a file to write"),
    ):
        assert main([*arguments, f"{given},out={tmp_path}/no/x"]) == 2
        assert capfd.readouterr() == ("", f"mttcg: plugin {given}: {wrong}\n")
    assert main([*arguments, "coverage", "--json", f"{tmp_path}/no/x"]) == 2
    wrong = f"--json: there is no directory {tmp_path}/no; expected a file to write"
    assert capfd.readouterr() == ("", f"mttcg: {wrong}\n")
    with pytest.raises(ElfFileError, match=r"gone\.elf: No such file.*; expected the ELF file"):
        source_lines(tmp_path / "gone.elf")
    (tmp_path / "no.elf").write_text("no ELF")
    with pytest.raises(ElfFileError, match=r"no\.elf: .*; expected the ELF file"):
        source_lines(tmp_path / "no.elf")
    with pytest.raises(ElfFileError, match=r"no\.elf: .*; expected the ELF file"):
        elf_segments(tmp_path / "no.elf")
