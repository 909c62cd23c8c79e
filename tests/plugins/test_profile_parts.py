"""What profiles are made of: tables of counts, stacks by frame pointers, names, and files."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mttcg.instrument import Cpu, ElfFileError, GuestProcess, MappedArea, ModuleSymbol
from mttcg.instrument.errors import NotRamError
from mttcg.isa.registry import isa_named
from mttcg_bus.run_info import RunInfo
from mttcg_plugins._files.perf_script import perf_sample
from mttcg_plugins._files.pprof import Frame, Profile
from mttcg_plugins._linux import tallies
from mttcg_plugins._linux.profiles import (
    TALLY,
    add_areas,
    add_modules,
    area_records,
    comm_bytes,
    counted,
    module_records,
)
from mttcg_plugins._linux.program_names import Area, NamedPlace, ProgramNames
from mttcg_plugins._linux.unwinding import stack_of

KERNEL = 0xFFFF_FFFF_8000_0000
SYMBOLS = ((KERNEL, 0x100, "vfs_read"), (KERNEL + 0x100, 0x100, "ksys_read"))
RUN = RunInfo("r", "Image", 1, "llvm", 0x8000_0000, 1 << 20, 0, SYMBOLS)


def run_tally(words: "np.ndarray[Any, Any]", blocks: list[tuple[int, int]]) -> None:
    function = tallies.tally.function
    for pc, instructions in blocks:
        with np.errstate(over="ignore"):
            function(np.uint64(0), np.uint64(pc), np.uint64(instructions), words)


def test_the_table_counts_by_block_and_process_and_what_was_left_is_taken_off() -> None:
    words = np.zeros(tallies.WORDS, np.uint64)
    table = tallies.Tallies(words)
    run_tally(words, [(0x1000, 5), (0x2000, 7), (0x1000, 5)])
    words[tallies.NUMBER] = 3
    run_tally(words, [(0x1000, 5)])
    table.correct(20)  # the last block was left after three
    rows, lost = table.take()
    assert sorted(tuple(map(int, row[:3])) for row in rows) == [
        (0x1000, 0, 10),
        (0x1000, 3, 3),
        (0x2000, 0, 7),
    ]
    assert lost == 0
    assert len(table.take()[0]) == 0
    run_tally(words, [(0x3000, 2)])
    table.correct(22)
    assert [int(row[2]) for row in table.take()[0]] == [2]


class Memory:
    """Registers and words of a vCPU that stands still."""

    context, levels = 0, {}

    def __init__(self, registers: dict[int, int], words: dict[int, int]) -> None:
        self.registers, self.words = registers, words

    def read_x(self, register: int) -> int:
        return self.registers[register]

    def read_memory(self, address: int, size: int) -> bytes:
        try:
            words = [self.words[at] for at in range(address, address + size, 8)]
        except KeyError:
            raise NotRamError(address, size) from None
        return b"".join(word.to_bytes(8, "little") for word in words)


RA, S0 = 1, 8
FRAMES = {0x7000: 0x7100, 0x7008: 0x2222, 0x70F0: 0, 0x70F8: 0}
"""A frame of a caller, whose caller is at 0x2222, at 0x7010; the outermost is at 0x7100."""


@pytest.mark.parametrize(
    ("frame", "words", "starts", "stack"),
    [
        (0x7010, {}, set(), [0x1000, 0x2222]),
        # at the first instruction the frame is the caller's
        (0x7010, {}, {0x1000}, [0x1000, 0x1111, 0x2222]),
        # a leaf has the caller's frame where others have where they return to
        (0x6010, {0x6000: 99, 0x6008: 0x7010}, set(), [0x1000, 0x1111, 0x2222]),
        (0x3333, {}, set(), [0x1000]),
        (0, {}, set(), [0x1000]),
    ],
)
def test_stacks_are_followed(
    frame: int, words: dict[int, int], starts: set[int], stack: list[int]
) -> None:
    access: Any = Memory({RA: 0x1111, S0: frame}, FRAMES | words)
    cpu = Cpu(0, 1, access, isa_named("riscv64").registers)
    cpu.open("in a callback", 0x1000)  # type: ignore[arg-type]
    assert stack_of(cpu, starts) == stack


def test_names_are_those_of_the_kernel_and_of_mapped_files() -> None:
    names = ProgramNames(RUN)
    names.areas[7, 5].add(Area(0x1000, 0x3000, 0x1000, "/bin/busybox"))
    assert names.at((7, 5), KERNEL + 0x104) == NamedPlace("ksys_read", 4, "[kernel]")
    assert names.at((7, 5), 0x2000) == NamedPlace("", 0, "/bin/busybox")
    assert names.at((7, 6), 0x2000) == NamedPlace("", 0, "[unknown]")


def test_functions_of_modules_are_called_as_the_kernel_does() -> None:
    names = ProgramNames(RUN)
    module = KERNEL - 0x10000
    add_modules(names, module_records([ModuleSymbol(module, 0x20, "probe", "virtio_blk")]))
    assert names.at((7, 5), module + 4) == NamedPlace("probe [virtio_blk]", 4, "[kernel]")
    assert names.at((7, 5), module + 0x20) == NamedPlace("", 0, "[kernel]")


def test_a_file_that_is_no_program_has_no_names(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "text").write_text("no program")
    names = ProgramNames(RUN)
    for path in ("/bin/text", "/bin/none"):
        names.areas[7, 5] = {Area(0x1000, 0x3000, 0, path, f"{tmp_path}{path}")}
        assert names.at((7, 5), 0x2000).shown == path


def test_areas_with_code_of_a_file_are_known_and_others_left_out() -> None:
    process = GuestProcess(8, 7, "x", 1, 5, "R", 0, 0)
    areas = [
        MappedArea(0x1000, 0x2000, 0x40, "/bin/é", "r-xp"),
        MappedArea(0x2000, 0x3000, 0x40, "/bin/é", "rw-p"),
        MappedArea(0x4000, 0x5000, 0, "", "r-xp"),
        MappedArea(0x6000, 0x7000, 0, "/bin/other", "r-xp"),
    ]

    def file_of(area: MappedArea) -> Path:
        if area.path == "/bin/other":
            raise ElfFileError(Path("other"), "has other content")
        return Path("/sysroot/bin/é")

    names = ProgramNames(RUN)
    add_areas(names, area_records(process, areas, file_of))
    assert names.areas == {
        (7, 5): {
            Area(0x1000, 0x2000, 0x40, "/bin/é", "/sysroot/bin/é"),
            Area(0x6000, 0x7000, 0, "/bin/other", ""),
        }
    }
    assert names.others == {"/bin/other"}


def test_counts_are_added_up_by_function() -> None:
    records = np.zeros(3, TALLY)
    records["pc"] = [KERNEL + 4, KERNEL + 8, KERNEL + 0x100]
    records["instructions"], records["tgid"] = [1, 2, 4], 7
    records["comm"] = comm_bytes("one")
    found = list(counted(ProgramNames(RUN), [records[:1], records[1:]]))
    assert [(each.names, each.instructions) for each in found] == [
        (("one", "[kernel]", "vfs_read"), 3),
        (("one", "[kernel]", "ksys_read"), 4),
    ]
    assert list(counted(ProgramNames(RUN), [])) == []


def test_a_sample_is_text_as_perf_has_it() -> None:
    frames = [(0x1010, "mix", 0x10, "/bin/a b"), (0x2000, "", 0, "[unknown]")]
    assert perf_sample("my name", 7, 8, 1, 1.5, 1000, frames).splitlines()[1:] == [
        "\t            1010 mix+0x10 (/bin/a b)",
        "\t            2000 [unknown] ([unknown])",
        "",
    ]


def fields_of(content: bytes) -> list[tuple[int, Any]]:
    """A message of protocol buffers, read again."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = content[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(content):
        key = number()
        if key & 7 == 0:
            found.append((key >> 3, number()))
        else:
            size = number()
            found.append((key >> 3, content[at : at + size]))
            at += size
    return found


def test_a_profile_of_pprof_has_stacks_and_names() -> None:
    profile = Profile("instructions", "count")
    stack = [Frame(0x1010, "mix", "/bin/busy"), Frame(0x2000, "main", "/bin/busy")]
    profile.add(stack, 300)
    profile.add(stack[1:], 5)
    fields = fields_of(gzip.decompress(profile.content()))
    strings = [value.decode() for number, value in fields if number == 6]
    assert strings[0] == ""
    functions = {dict(fields_of(v))[1]: strings[dict(fields_of(v))[2]]
                 for n, v in fields if n == 5}  # fmt: skip
    locations = {}
    for value in (value for number, value in fields if number == 4):
        location = dict(fields_of(value))
        locations[location[1]] = functions[dict(fields_of(location[4]))[1]], location[3]
    samples = [dict(fields_of(value)) for number, value in fields if number == 2]
    assert [[locations[place] for place in sample[1]] for sample in samples] == [
        [("mix", 0x1010), ("main", 0x2000)],
        [("main", 0x2000)],
    ]
    assert [fields_of(b"\x08" + sample[2])[0][1] for sample in samples] == [300, 5]
    kind = dict(fields_of(dict(fields)[1]))
    assert (strings[kind[1]], strings[kind[2]]) == ("instructions", "count")
