"""Harts that run litmus tests: a process for each, over shared memory, as in a run."""

import os
import select
import struct
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from engine_harness import Bare
from programs import (
    BATCH,
    CODE,
    DISTANCE,
    LOCATIONS,
    MEMORY,
    MOST_HARTS,
    PAGE,
    REGISTERS,
    RESULT,
    RESULTS,
    ROUND,
    SIZE,
    Programs,
)
from shapes import Litmus, Part
from sv39 import SATP, TABLES_BYTES, tables

from mttcg.isa.riscv64.privilege import MACHINE, USER
from mttcg.isa.riscv64.protection import open_to_all
from mttcg.memory.address import Virtual, offset_in_page, physical_of

RAM_BYTES = -(-SIZE // PAGE) * PAGE + TABLES_BYTES
ORDER = struct.Struct("<QQQ")
"""What a hart is told: where its code is, how many rounds were begun, and how often to look."""
PATIENCE = 100.0
"""Seconds for a batch, on a host that is busy with other things."""


class Tier(NamedTuple):
    """How the harts of a machine run their code.

    Attributes:
        engine: a `Bare`'s.
        translators: by what the code was made, of one hart after the other, in turn.
        polls: how often a hart looks for another at most: if the host runs one alone, for some
            100 us.
        level: at which they run. A user's addresses are translated, and aliased.
    """

    engine: str
    translators: tuple[str, ...]
    polls: int
    level: int = MACHINE


TIERS = {
    "interpreter": Tier("llvm", ("interpreter",), 10_000),
    "optimised": Tier("llvm", ("optimised",), 20_000),
    "mixed": Tier("llvm", ("interpreter", "optimised"), 10_000),
    "user interpreter": Tier("llvm", ("interpreter",), 10_000, USER),
    "user optimised": Tier("llvm", ("optimised",), 20_000, USER),
    "user mixed": Tier("llvm", ("interpreter", "optimised"), 10_000, USER),
    "unicorn": Tier("unicorn", ("unicorn",), 1000),
}
CALLS = {USER: 8, MACHINE: 11}
"""Causes of the traps by which batches end."""
FEW_POLLS = 1000
"""If the host can't run all at once."""
Outcomes = Counter[tuple[int, ...]]


class HartFailed(AssertionError):  # noqa: N818 - what pytest shows
    """A hart did not come to the end of a batch."""


class Machine:
    """Up to four harts.

    Args:
        name: of the tier.
        programs: what they run.
        prepare: called first in the process of each hart, to plant a fault.
        harts: how many.
    """

    def __init__(
        self,
        name: str,
        programs: Programs,
        prepare: Callable[[], None] = lambda: None,
        harts: int = MOST_HARTS,
    ) -> None:
        self.name, self.tier, self.programs, self.prepare = name, TIERS[name], programs, prepare
        self.begun = 0
        assert programs.aliased == (self.tier.level == USER)
        self.bare = Bare(self.tier.engine, CODE, RAM_BYTES)
        self.bare.write(CODE, programs.code)
        self.bare.write(CODE + RAM_BYTES - TABLES_BYTES, tables(CODE, SIZE))
        ram = np.frombuffer(self.bare.ram, dtype=np.uint8)
        results, memory = RESULTS - CODE, MEMORY - CODE
        self.results = ram[results : results + MOST_HARTS * BATCH * RESULT]
        self.results = self.results.reshape(MOST_HARTS, BATCH, RESULT)
        self.memory = ram[memory : memory + BATCH * ROUND].reshape(BATCH, ROUND)
        self.pipes = [self._start(hart) for hart in range(harts)]

    def _start(self, hart: int) -> tuple[int, int, int]:
        """Fork a hart; its process, and descriptors to tell it and to hear from it."""
        orders, told = os.pipe()
        heard, answers = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(told)
            try:
                self.prepare()
                HartProcess(self, hart).serve(orders, answers)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(orders)
        os.close(answers)
        return child, told, heard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, litmus: Litmus) -> Outcomes:
        """Run a batch of a test; how often each outcome occurred, registers before locations."""
        self.memory[:] = 0
        used = self.pipes[: len(litmus.harts)]
        processors = os.sched_getaffinity(0)
        at_once = len(used) <= len(processors)
        polls = self.tier.polls if at_once else FEW_POLLS
        own = [{processor} for processor in processors] if at_once else [processors] * len(used)
        for hart, (child, told, _) in enumerate(used):
            os.sched_setaffinity(child, own[hart])  # harts that share one never meet
            place = self.programs.places[litmus.name, hart]
            os.write(told, ORDER.pack(place, self.begun, polls))
        self.begun += BATCH
        for hart, (_, _, heard) in enumerate(used):
            ready, _, _ = select.select([heard], [], [], PATIENCE)
            if not ready or not os.read(heard, 1):
                raise HartFailed(f"{litmus.name} on {self.name}: hart {hart}")
        return self._outcomes(len(litmus.harts))

    def _outcomes(self, harts: int) -> Outcomes:
        registers = self.results[:harts, :, :REGISTERS].transpose(1, 0, 2).reshape(BATCH, -1)
        ends = self.memory[:, : LOCATIONS * DISTANCE : DISTANCE]
        rows, counts = np.unique(np.hstack((registers, ends)), axis=0, return_counts=True)
        return Counter({tuple(row): count for row, count in zip(rows.tolist(), counts.tolist())})  # noqa: B905

    def close(self) -> None:
        """End all harts, which end when they hear no more."""
        for _, told, heard in self.pipes:
            os.close(told)
            os.close(heard)
        for child, _, _ in self.pipes:
            os.waitpid(child, 0)
        self.bare.close()


class HartProcess:
    """One hart, in its own process.

    Args:
        machine: of the parent, whose memory it shares.
        hart: its number.
    """

    def __init__(self, machine: Machine, hart: int) -> None:
        self.machine, self.hart = machine, hart
        translators = machine.tier.translators
        self.translator = translators[hart % len(translators)]
        self.bare = Bare(machine.tier.engine, CODE, RAM_BYTES, beside=machine.bare)
        self.improved: set[int] = set()
        self.seen_from = 0
        if machine.tier.level == USER:
            open_to_all(self.bare.hart)
            self.seen_from = machine.programs.aliases_of(hart)[0]

    def serve(self, orders: int, answers: int) -> None:
        """Do what is asked, until nobody can ask any more."""
        while order := os.read(orders, ORDER.size):
            place, begun, polls = ORDER.unpack(order)
            registers = partial(self.machine.programs.registers, self.hart, begun, polls)
            if self.translator == "optimised" and place not in self.improved:
                self._run(place, registers(trial=True))
                self._improve(place)
                self.improved.add(place)
            self._run(place, registers())
            self._check_tier(place)
            os.write(answers, b".")

    def _run(self, place: int, x: list[int]) -> None:
        self.bare.set_registers(x, [0] * 32, 0)
        self._go_down()
        for _ in self.bare.run_to_trap(place + self.seen_from):
            pass
        ended_at = self.bare.hart.mcause, self.bare.hart.mepc - self.seen_from & -PAGE
        assert ended_at == (CALLS[self.machine.tier.level], place), ended_at

    def _go_down(self) -> None:
        """To the level at which the hart runs, from that of the trap."""
        if self.machine.tier.level == USER:
            self.bare.hart.privilege, self.bare.hart.satp = USER, SATP(CODE, SIZE)
            self.bare.engine.fence_translations()

    def _improve(self, place: int) -> None:
        if self.machine.tier.level != USER:
            self.bare.improve(place)
            return
        llvm: Any = self.bare.engine.llvm
        page = self.bare.cache.page_of(physical_of(Virtual(place)))
        version = llvm.code.version_for_better(page, True)
        llvm.translator.optimise(version, None)
        llvm.code.meet_better_code(version)
        llvm.jumps.clear()

    def _check_tier(self, place: int) -> None:
        """The code that was run is what the tier stands for."""
        if self.translator == "unicorn":
            return
        code: Any = self.bare.engine.llvm.code
        if self.machine.tier.level == USER:
            page = self.bare.cache.page_of(physical_of(Virtual(place)))
            version = code.version_for_better(page, True)
        else:
            version = code.version(*code.enter(place))
        best = code.find_best(version, offset_in_page(Virtual(place)))
        assert (best is not None) == (self.translator == "optimised")


def holds(part: Part, outcome: tuple[int, ...]) -> bool:
    """Whether a part of what a test is about is so in an outcome."""
    place = part.number + (part.hart * REGISTERS if part.hart is not None else -LOCATIONS)
    if part.hart is None:
        place += len(outcome)
    return (outcome[place] == part.value) == part.equal


def matching(litmus: Litmus, outcomes: Outcomes) -> int:
    """In how many rounds the outcome of a test occurred."""
    return sum(
        count
        for outcome, count in outcomes.items()
        if all(holds(part, outcome) for part in litmus.outcome)
    )
