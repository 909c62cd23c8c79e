"""The log of executed instructions, against the definition of each instruction."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugin_harness import ENGINE, guest_path, replayed, run_plugins

from mttcg.cli import main
from mttcg.guest.elf import load_guest
from mttcg.instrument import disassemble, elf_segments, events
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.registers import FLOAT, INDEX, INTEGER
from mttcg_plugins.execlog import LogLines

REGISTERS = (*INTEGER, *FLOAT)
LINE = re.compile(r"(\d+) (0x\w{16}) (0x\w{8}) (.*?)(?: +(\w+)=0x(\w{16}))?")
BASE, SIZE = 0x8000_0000, 1 << 24


class Logged(NamedTuple):
    """A line of the log."""

    cpu: int
    pc: int
    word: int
    register: str | None
    value: int


def read_log(path: Path) -> Iterator[Logged]:
    for line in path.read_text().splitlines():
        found = LINE.fullmatch(line)
        assert found is not None, line
        cpu, pc, word, _, register, value = found.groups()
        yield Logged(int(cpu), int(pc, 16), int(word, 16), register, int(value or "0", 16))


def interpreter_of(guest: Path) -> Interpreter:
    """A hart whose memory has the guest."""
    memory, content = bytearray(SIZE), guest.read_bytes()
    for address, size, offset, _ in elf_segments(guest):
        loaded = content[offset : offset + size]
        memory[address - BASE : address - BASE + len(loaded)] = loaded
    told = load_guest(guest, BASE, SIZE).by_name.get("harts_expected")
    if told is not None:  # as the run was, see plugin_harness
        memory[told.address - BASE] = 1
    return Interpreter(memory=memory, base=BASE, pc=BASE)


def write(hart: Interpreter, register: str, value: int) -> None:
    kind, number = INDEX[register]
    (hart.x if kind == "x" else hart.f)[number] = value


def check_against_definition(guest: Path, log: list[Logged]) -> int:
    """Step through the log; the number of instructions that the host ran and nobody checks."""
    hart, left = interpreter_of(guest), 0
    for at, line in enumerate(log):
        hart.pc = line.pc  # traps and interrupts go elsewhere
        before = (hart.x.copy(), hart.f.copy())
        if hart.step(line.word) is not None:  # the host's: a CSR, a device
            left += 1
            if line.register is not None:
                write(hart, line.register, line.value)
            continue
        changed = None
        if line.register is not None:
            kind, number = INDEX[line.register]
            assert (hart.x if kind == "x" else hart.f)[number] == line.value, (at, line)
            changed = (kind, number)
        for kind, old, new in (("x", before[0], hart.x), ("f", before[1], hart.f)):
            assert all((kind, n) == changed or old[n] == new[n] for n in range(32)), (at, line)
    return left


# Unicorn's NaN-boxing is not that of the definition: see the guest's own results there
FLOAT = [] if ENGINE == "unicorn" else ["float"]


@pytest.mark.parametrize("guest", ["trap", "mixed", "selfmod", *FLOAT])
def test_every_change_is_what_the_definition_says(
    guest: str, own_guests: dict[str, Path], tmp_path: Path
) -> None:
    path, file = own_guests.get(guest, guest_path(guest)), tmp_path / "log"
    rounds = {"rounds": 2} if guest == "selfmod" else {}
    given = path if guest in own_guests else guest
    result = run_plugins(given, f"execlog,out={file},last=3", **rounds)
    log = list(read_log(file))
    assert len(log) == result["vcpus"][0]["instructions"]
    assert [hex(line.pc) for line in log[-3:]] == [
        row["pc"] for row in result["plugins"]["execlog"]["last"]
    ]
    if guest == "selfmod":
        return  # its memory changes; that it runs, and is counted, is all
    left = check_against_definition(path, log)
    assert left < len(log) / 2


def test_several_vcpus_shards_and_a_replay(tmp_path: Path) -> None:
    recording, file, again = tmp_path / "run.rec", tmp_path / "log.txt", tmp_path / "again.txt"
    result = run_plugins(
        "counter", f"execlog,out={file}", smp=2, rounds=20, shards=2, record=recording
    )
    report = replayed(recording, f"execlog,out={again}", tmp_path / "report")
    logs = [list(read_log(tmp_path / f"log.{cpu}.txt")) for cpu in range(2)]
    assert [len(log) for log in logs] == [v["instructions"] for v in result["vcpus"]]
    both = list(read_log(again))
    assert [[line for line in both if line.cpu == cpu] for cpu in range(2)] == logs
    assert report["last"] == result["plugins"]["execlog"]["last"]
    assert report["instructions"] == len(both)


def plain_line(pc: int, value: int, word: int, cpu: int, register: int, _: int) -> str:
    """A line, told once more."""
    ((_, _, text),) = disassemble(word.to_bytes(4, "little"), pc)[:1]
    start = f"{cpu} 0x{pc:016x} 0x{word:08x} {text}"
    return f"{start:<64} {REGISTERS[register]}=0x{value:016x}" if register else start


WORDS = st.sampled_from((0x13, 0x0001, 0x8082, 0x30401073, 0x00A5B02F, 0x0200_0053, 0x7F02F3C3))
"""A nop, two compressed, a CSR, amoadd.d, fadd.d and fmadd.d with long operands."""
RETIRED = st.tuples(
    st.sampled_from((0, 0x8000_0000, 0x8000_0004, 0xFFFF_FFFF_FFFF_FFFC)),
    st.sampled_from((0, 9, 10, 0x0123_4567_89AB_CDEF, (1 << 64) - 1)),
    WORDS,
    st.sampled_from((0, 3, 9999)),
    st.integers(0, 63),
    st.just(0),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(RETIRED, max_size=40), st.integers(0, 40))
def test_lines_are_what_plain_python_writes(rows: list[tuple[int, ...]], split: int) -> None:
    # what a line begins with is the instruction's: that always writes the same register
    register = {row[:1] + row[2:4]: row[4] for row in rows}
    rows = [(*row[:4], register[row[:1] + row[2:4]], 0) for row in rows]
    lines, file = LogLines(), io.BytesIO()
    for part in (rows[:split], rows[split:]):
        lines.write(np.array(part, dtype=events.RETIRED), file)
    assert file.getvalue().decode().splitlines() == [plain_line(*row) for row in rows]


def test_lines_are_right_however_many_instructions_there_are() -> None:
    rows = [(0x8000_0000 + 4 * n, n, 0x13 | n % 32 << 7, 0, n % 32, 0) for n in range(5000)]
    lines, file = LogLines(places=4), io.BytesIO()
    lines.write(np.array(rows + rows[::-1], dtype=events.RETIRED), file)
    assert file.getvalue().decode().splitlines() == [plain_line(*r) for r in rows + rows[::-1]]


def test_it_writes_to_a_device_and_to_a_pipe(tmp_path: Path) -> None:
    run_plugins("hello", "execlog,out=/dev/null", smp=2, shards=2)
    pipe, file = tmp_path / "pipe", tmp_path / "log"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    result = run_plugins("hello", f"execlog,out={pipe}")
    reader.join()
    assert len(read[0].splitlines()) == result["vcpus"][0]["instructions"]
    run_plugins("hello", f"execlog,out={file}")
    assert read[0] == file.read_text()


def test_a_folder_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = f"execlog,out={tmp_path}"
    assert main(["run", str(guest_path("hello")), "--plugin", spec]) == 2
    assert "is no regular file; expected a file to write" in capfd.readouterr().err
