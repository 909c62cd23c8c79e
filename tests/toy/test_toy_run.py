"""A whole run of a guest of an ISA from another package, with the plugins icount and memtrace.

What they count is compared with the ISA's definition, which runs the same program here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_elf import TinyElf, TinySegment
from toy_isa import ToyInterpreter, assemble, set_register
from toy_system import TOY

from mttcg import Machine
from mttcg.config import TIERS, Config
from mttcg.errors import OptionError
from mttcg.isa.system import Trap

BASE, DATA, DATA_BYTES = 0x8000_0000, 0x8000_1000, 64
FINISHER, PASS = 0x10_0000, 0x5555
Access = tuple[int, int, int, int, int]
"""pc, address, size, value, 1 for a write."""


def program(times: int) -> bytes:
    """Code that adds up the numbers from so many down to 1 in memory, and ends the run."""
    return b"".join(
        [
            *set_register(3, DATA, pieces=3),
            *set_register(2, times),
            assemble("load", 4, 3, immediate=8),
            assemble("add", 4, 4, 2),
            assemble("store", rs1=3, rs2=4, immediate=8),
            assemble("set", 2, 2, immediate=-1),
            assemble("bnz", rs1=2, immediate=-16),
            *set_register(6, FINISHER),
            *set_register(7, PASS),
            assemble("store", rs1=6, rs2=7),
        ]
    )


@dataclass
class Counting(ToyInterpreter):
    """The definition, which notes its accesses."""

    accesses: list[Access] = field(default_factory=list)

    def load(self, address: int, size: int) -> int:
        """Note it."""
        value = super().load(address, size)
        self.accesses.append((self.pc, address, size, value, 0))
        return value

    def store(self, address: int, size: int, value: int) -> None:
        """Note it, also if there is a device, which the definition does not know."""
        self.accesses.append((self.pc, address, size, value & (1 << 8 * size) - 1, 1))
        super().store(address, size, value)


def by_definition(code: bytes) -> tuple[int, list[Access]]:
    """Instructions and accesses up to the store to the finisher, which is one of them."""
    one = Counting(memory=bytearray(DATA_BYTES), base=DATA, pc=BASE)
    count, stopped = 0, None
    while stopped is None:
        at = one.pc - BASE
        stopped = one.step(int.from_bytes(code[at : at + 4], "little"))
        count += 1
    assert isinstance(stopped, Trap)
    assert one.accesses[-1][1] == FINISHER
    return count, one.accesses


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for guests; the processes of runs find the toy ISA as an installed package."""
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(Path(__file__).parent), *filter(None, before)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return tmp_path


def guest(folder: Path, code: bytes) -> Path:
    """An ELF file with code, and room for data."""
    elf = TinyElf((TinySegment(data=code, memory_size=0x2000),), machine=TOY.elf_machine)
    path = folder / "toy.elf"
    path.write_bytes(elf.content())
    return path


def run(elf: Path, plugins: Iterable[str], **options: Any) -> Any:
    """Run it to its end."""
    config = Config(
        elf, memory=4 << 20, code_cache=16 << 20, plugins=tuple(plugins), quiet=True, **options
    )
    return Machine(config).run(BytesIO())


@pytest.mark.parametrize("tiers", TIERS)
def test_icount_and_memtrace_count_what_the_definition_does(folder: Path, tiers: str) -> None:
    code, trace = program(1000), folder / "trace.npy"
    instructions, accesses = by_definition(code)
    result = run(guest(folder, code), ("icount", f"memtrace,out={trace}"), check=True, tiers=tiers)
    assert (result.exit_status, result.warnings) == (0, [])
    [counted] = result.plugins["icount"]["vcpus"]
    assert counted["instructions"] == instructions
    assert counted["blocks"] == 1000 + 1
    fields = ("pc", "address", "size", "value", "write")
    recorded = [tuple(int(row[name]) for name in fields) for row in np.load(trace)]
    assert recorded == accesses
    assert result.check["difference"] == ""
    assert result.plugins["memtrace"]["accesses"] == len(accesses) == 2 * 1000 + 1


@pytest.mark.parametrize("tiers", TIERS)
def test_a_long_run_is_counted_right_while_better_code_is_made(folder: Path, tiers: str) -> None:
    times = 4_000_000
    result = run(guest(folder, program(times)), ("icount",), tiers=tiers)
    assert (result.exit_status, result.warnings) == (0, [])
    [counted] = result.plugins["icount"]["vcpus"]
    assert counted["instructions"] == 5 + 3 + 5 * times + 3 + 3 + 1


def test_an_engine_that_does_not_run_the_isa_is_refused(folder: Path) -> None:
    elf = guest(folder, program(1))
    with pytest.raises(OptionError, match=r"--engine: unicorn does not run Toy; expected .*llvm"):
        Machine(elf, engine="unicorn")


def mix_of(report: dict[str, Any]) -> dict[str, int]:
    """Executions by class, and by name."""
    classes = {row["class"]: row["executions"] for row in report["mix"]}
    return classes | {row["instruction"]: row["executions"] for row in report["frequent"]}


MIX = {"alu": 1009 + 1000 + 5, "load": 1000, "store": 1001, "branch": 1000} | {
    "set": 3 + 2 + 1000 + 2 + 2,
    "add": 1000,
    "shift": 2 + 1 + 1 + 1,
    "bnz": 1000,
}
"""Of a program of a thousand rounds; a name that is also a class has that one's number."""


def test_aggregators_read_instructions_as_the_isa_has_them(folder: Path) -> None:
    recording = folder / "recording"
    plugins = ("howvec", "hotblocks", "execlog,last=3")
    found = run(guest(folder, program(1000)), plugins, record=recording).plugins
    assert mix_of(found["howvec"]) == MIX
    [block] = [row for row in found["hotblocks"]["hottest"] if row["executions"] > 1]
    assert block["disassembly"] == "load; add; store; set; bnz"
    last = [(row["instruction"], row["register"]) for row in found["execlog"]["last"]]
    assert last == [("shift", "r7"), ("set", "r7"), ("store", "")]
    replayed = replay("howvec", recording)
    assert mix_of(replayed["report"]) == MIX


def replay(plugin: str, recording: Path) -> dict[str, Any]:
    """What a plugin finds in a recording, in a process that knows no run."""
    out = recording.with_name("replayed.json")
    command = [sys.executable, "-m", "mttcg", "replay", str(recording)]
    subprocess.run([*command, "--plugin", plugin, "--json", str(out)], check=True)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found
