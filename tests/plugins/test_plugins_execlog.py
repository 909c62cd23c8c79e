"""The log of executed instructions, against the definition of each instruction."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from plugin_harness import ENGINE, guest_path, replayed, run_plugins

from mttcg.instrument import elf_segments
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.registers import INDEX
from mttcg.machine.elf import load_guest

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
