"""A hart that gets nowhere is told of: in a loop that nothing ends, or in zeros."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import trap_guests
from run_harness import LIMIT, Running, eventually
from trap_guests import S1, T0, T1, X0, add_immediate, branch_not_zero, load_word, store_word

from mttcg.instrument.errors import NotRamError
from mttcg.isa.riscv64 import interrupts, status
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.privilege import MACHINE
from mttcg.isa.riscv64.state import Hart
from mttcg.state.vcpu_state import STATE_BYTES, Activity, Spinning
from mttcg.vcpu.nowhere import spins
from mttcg.vcpu.nowhere.spins import SPIN_SECONDS, Spin, Spins

BASE, WORD = 0x8000_0000, 0x8000_0800
READ_TIME = 0xC010_2373  # csrr t1, time
TOLD = {
    "spins": "hart 0 spins at pc 0x80000014 (body: j 0x80000014), with interrupts off: a loop of 1 "
    "instruction without a store, for more than 2 s",
    "spins_on_memory": "hart 0 spins at pc 0x80000014 (body: lw t1, 0(s1)), with interrupts off: "
    "a loop of 2 instructions without a store, which loads what nobody is left to change, for "
    "more than 2 s",
    "in_zeros": "hart 0 has run off into zeros at pc 0x80000018 (body+0x4): an illegal instruction",
}


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
@pytest.mark.parametrize("name", TOLD)
def test_it_is_told_of_once_while_it_goes_on(
    start: Callable[..., Running], tmp_path: Path, name: str, engine: str
) -> None:
    file = tmp_path / "guest.elf"
    file.write_bytes(getattr(trap_guests, name)())
    options = "--memory", "1M", "--engine", engine
    running = start(str(file), *options, with_json=True)
    eventually(lambda: f"mttcg: warning: {TOLD[name]}\n" in running.stderr, LIMIT)
    running.process.terminate()
    assert running.wait() in (143, 71)
    assert running.stderr.count(TOLD[name]) == 1
    assert TOLD[name] in running.result["warnings"]


class Watched:
    """A hart in a few instructions, which is looked at when a test says so, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *words: int) -> None:
        self.memory = bytearray(struct.pack(f"<{len(words)}I", *words).ljust(4096, b"\0"))
        self.hart = Hart(memoryview(bytearray(STATE_BYTES)), 0)
        self.hart.pc, self.hart.privilege = BASE, MACHINE
        self.hart.write_x(S1, WORD)
        self.found: list[Spin] = []
        self.now = 0.0
        monkeypatch.setattr(spins.time, "monotonic", lambda: self.now)
        system, code = RISCV64.system, RISCV64.code
        self.spins = Spins(self.hart, system, code, self.read, self.found.append)

    def read(self, address: int, size: int) -> bytes:
        at = address - BASE
        if not 0 <= at <= len(self.memory) - size:
            raise NotRamError(address, size)
        return bytes(self.memory[at : at + size])

    def looks(self, retired: int, seconds: float = 2 * SPIN_SECONDS) -> None:
        """Look every quarter of a second; so many instructions are retired in between."""
        end = self.now + seconds
        while self.now < end:
            self.now += 0.25
            self.hart.instructions += retired
            self.spins.look()


def test_a_loop_of_a_few_instructions_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, load_word(T1, S1), branch_not_zero(X0, 8), 0xFF9F_F06F)
    watched.hart.write_x(T1, 0)
    watched.looks(300, SPIN_SECONDS / 2)
    assert watched.hart.spinning == Spinning.NOT
    watched.looks(300)
    assert watched.found == [Spin(BASE, 3, loads=True)]
    assert watched.hart.spinning == Spinning.LOADING
    watched.memory[WORD - BASE] = 1  # another hart's store: t1 is another now
    watched.looks(300, 0.25)
    assert watched.hart.spinning == Spinning.NOT


def test_a_look_reads_each_page_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, load_word(T1, S1), branch_not_zero(X0, 8), 0xFF9F_F06F)
    pages: list[int] = []

    def count(address: int, size: int) -> bytes:
        pages.append(address)
        return watched.read(address, size)

    watched.spins.read = count
    watched.looks(300, 0.25)
    assert pages == [BASE]


def test_the_loop_is_the_same_wherever_the_hart_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, 0x13, 0x13, 0xFF9F_F06F)
    for turn in range(12):
        watched.hart.pc = BASE + 4 * (turn % 3)
        watched.looks(300 + 1, 0.25)  # one instruction further each time
    assert watched.found == [Spin(BASE, 3, loads=False)]
    assert watched.hart.spinning == Spinning.ALONE


@pytest.mark.parametrize(
    "words",
    [
        (add_immediate(T0, T0, 1), 0xFFDF_F06F),  # counts
        (store_word(T1, S1), 0xFFDF_F06F),  # says something
        (READ_TIME, 0xFFDF_F06F),  # waits for a time
        (0x1050_0073, 0xFFDF_F06F),  # wfi
        (load_word(T1, X0), 0xFFDF_F06F),  # a device may answer
        (*[0x13] * 70, 0xEE9F_F06F),  # long
    ],
)
def test_no_spin(monkeypatch: pytest.MonkeyPatch, words: tuple[int, ...]) -> None:
    watched = Watched(monkeypatch, *words)
    watched.looks(len(words) * 100)
    assert (watched.found, watched.hart.spinning) == ([], Spinning.NOT)


def test_one_that_retires_something_else_in_between_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(monkeypatch, load_word(T1, S1), branch_not_zero(X0, 8), 0xFF9F_F06F)
    watched.looks(301)
    assert watched.found == []


def test_one_that_may_be_interrupted_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, 0x6F)
    hart = watched.hart
    hart.mie, hart.mstatus = interrupts.TIMER_INTERRUPT, status.MSTATUS_MIE
    watched.looks(100)
    assert watched.found == []
    hart.mstatus = 0
    watched.looks(100)
    assert watched.found == [Spin(BASE, 1, loads=False)]


def test_one_that_is_interrupted_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch, 0x6F)
    for _ in range(20):
        watched.hart.interrupts += 1
        watched.looks(100, 0.25)
    assert watched.found == []
    assert watched.hart.state == Activity.STARTING
