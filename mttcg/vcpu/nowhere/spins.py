"""Noticing that a hart spins: it goes round in a few instructions, which nothing of its own ends.

Now and then, when the vCPU has come out of its code anyhow, the instructions from the hart's pc on
are run ahead, by the ISA's definition, on a copy of its registers. If that comes back to the same
pc with the same registers, without a store, a system instruction or a device on the way, the hart
goes round for ever unless another changes memory, or an interrupt is taken. One that can be taken
is reason enough not to look.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from mttcg.instrument.errors import NotRamError
from mttcg.isa.code import Code
from mttcg.isa.system import System
from mttcg.memory.address import Virtual, offset_in_page, page_start
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import Spinning, VcpuState

MOST_INSTRUCTIONS = 64
"""Of a loop that is looked at."""
LOOK_SECONDS, SPIN_SECONDS = 0.1, 2.0
"""How often a hart is looked at, at the most, and how long it is to have been in the same loop."""


class Spin(NamedTuple):
    """A loop: its first address, its length in instructions, and whether it loads from memory."""

    pc: Virtual
    instructions: int
    loads: bool


class Round(NamedTuple):
    """A spin, its registers at its first address, and how far the hart is behind that."""

    spin: Spin
    registers: tuple[int, ...]
    position: int


class Spins:
    """Looks at one hart.

    Args:
        hart: its state; registers have to be there when it is looked at.
        system, code: of its ISA.
        read: bytes of the guest's memory; raises NotRamError.
        found: told of each loop, once.
    """

    def __init__(
        self,
        hart: VcpuState,
        system: System[Any],
        code: Code,
        read: Callable[[Virtual, int], bytes],
        found: Callable[[Spin], None],
    ) -> None:
        self.hart, self.system, self.code, self.read, self.found = hart, system, code, read, found
        self.looked = self.since = time.monotonic()
        self.last: Round | None = None
        self.counts = (0, 0)
        self.instructions = 0
        self.told: set[Spin] = set()

    def look(self) -> None:
        """Look whether the hart still goes round where it did, and since when."""
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        last, since = self.last, self.instructions
        self.last, self.instructions = self._round(), self.hart.instructions
        if self.last is None or not self._goes_on(last, since):
            self.since, self.hart.spinning = now, Spinning.NOT
        elif now - self.since >= SPIN_SECONDS:
            spin = self.last.spin
            if spin not in self.told:
                self.told.add(spin)
                self.found(spin)
            self.hart.spinning = Spinning.LOADING if spin.loads else Spinning.ALONE

    def _goes_on(self, last: Round | None, instructions: int) -> bool:
        """Whether the hart may have done nothing else since it was seen in a round."""
        assert self.last is not None
        if last is None or last._replace(position=0) != self.last._replace(position=0):
            return False
        gone = self.instructions - instructions
        return (gone - (self.last.position - last.position)) % self.last.spin.instructions == 0

    def _round(self) -> Round | None:
        """The round in which the hart is; None if it is in none that is a spin."""
        counts = self.hart.traps, self.hart.interrupts
        same, self.counts = counts == self.counts, counts
        if not same or self.system.may_be_interrupted(self.hart):
            return None
        loads: list[bool] = []
        memory = SeenMemory(self.read)

        def load(address: int, size: int) -> int:
            loads.append(True)
            return memory.number(Virtual(address), size)

        ahead = self.system.run_ahead(self.hart, load)
        begin = ahead.registers()
        passed = [(ahead.pc, begin)]
        try:
            for _ in range(MOST_INSTRUCTIONS):
                if ahead.step(self._word_at(memory, ahead.pc)) is not None:
                    return None
                if (ahead.pc, ahead.registers()) == passed[0]:
                    return _round_of(passed, bool(loads))
                passed.append((ahead.pc, ahead.registers()))
        except NotRamError:
            return None
        return None

    def _word_at(self, memory: "SeenMemory", pc: Virtual) -> int:
        """The instruction at a pc, as memory has it."""
        half = memory.number(pc, self.code.alignment)
        return memory.number(pc, self.code.length(half))


class SeenMemory:
    """The guest's memory during one look, which reads each page once: it is translated for that.

    read: see Spins.
    """

    def __init__(self, read: Callable[[Virtual, int], bytes]) -> None:
        self.read = read
        self.pages: dict[Virtual, bytes] = {}

    def number(self, address: Virtual, size: int) -> int:
        """What is at an address; raises NotRamError."""
        begin, start = offset_in_page(address), page_start(address)
        if start not in self.pages:
            self.pages[start] = self._page(start)
        page = self.pages[start]
        there = page[begin : begin + size]
        return int.from_bytes(there if len(there) == size else self.read(address, size), "little")

    def _page(self, start: Virtual) -> bytes:
        """A whole page; nothing if it is not all RAM."""
        try:
            return self.read(start, PAGE)
        except NotRamError:
            return b""


def _round_of(passed: list[tuple[Virtual, tuple[int, ...]]], loads: bool) -> Round:
    """The round whose states were passed, the first of which is the hart's."""
    first = min(range(len(passed)), key=lambda at: passed[at])
    pc, registers = passed[first]
    return Round(Spin(pc, len(passed), loads), registers, -first % len(passed))
