"""Random plans that change while random programs run, in all tiers, against the definition."""

import os
import random
from typing import Any

from engine_harness import Bare, fill
from random_plans import FIELDS, RandomPlan
from random_programs import (
    BASE,
    BRANCHES,
    DATA,
    JUMPS,
    PLAIN,
    REGISTER_JUMPS,
    SIZE,
    Piece,
    Program,
    build,
)
from recorded import Recorded
from traced import Entry, trace

from mttcg.engine.base import ExitKind
from mttcg.tbcache.cache import Block

PROGRAMS = int(os.environ.get("MTTCG_RANDOM_INSTRUCTIONS", "12000")) // 400
FAILED_ONCE = (68,)
"""Programs beyond the first ones: the record of an amocas.q had its second register's value."""
IN_PYTHON, TRANSLATES, LOSES, WATCHES = 0.5, 0.1, 0.1, 0.3
"""How often Python asks for control, and what is then changed beside the plan."""
FOLLOWS = 0.7
"""How often nothing but what is attached to places is another in the next plan."""
MOST_TRANSLATIONS = 4


def pieces(source: random.Random) -> list[Piece]:
    rows = [*[PLAIN] * 5, BRANCHES, JUMPS + REGISTER_JUMPS]
    distances = (-5, -2, 1, 2, 3, 5)
    return [
        Piece(source.choice(source.choice(rows)), source.getrandbits(32), source.choice(distances))
        for _ in range(source.randrange(1, 40))
    ]


class Changing:
    """A vCPU whose plan, and tier, change at random moments."""

    def __init__(self, source: random.Random, program: Program) -> None:
        self.source, self.program = source, program
        self.bare = Bare("llvm", BASE, SIZE)
        self.llvm: Any = self.bare.engine.llvm
        self.llvm.discover = self._discover
        self.shown: set[int] = set()
        self.watched, self.asked_in, self.translations = False, 0, MOST_TRANSLATIONS
        self.recorded = Recorded(tuple(FIELDS))
        fill(list(program.words.items()), self.bare.write)
        self.plan: Any = None
        self.plan = self._draw()

    def _discover(self, block: Block) -> None:
        self.shown.add(block.pc)

    def _draw(self) -> RandomPlan:
        places = sorted(self.program.words)
        follows = self.plan is not None and self.source.random() < FOLLOWS
        before = self.plan if follows else None
        return RandomPlan(self.source, places, self._in_python, self.recorded, before)

    def close(self) -> None:
        """Give everything back."""
        self.bare.close()
        self.recorded.close()

    def _in_python(self) -> None:
        """Ask for control, which is had before the next block."""
        if self.source.random() < IN_PYTHON:
            self.asked_in = self.asked_in or self.bare.hart.blocks
            self.bare.hart.request = 1

    def run(self, entries: list[Entry]) -> None:
        """Run the program to its trap, and compare part by part with the blocks that it enters."""
        bare, hart = self.bare, self.bare.hart
        first, done, instructions = hart.blocks, 0, hart.instructions
        bare.engine.apply(self.plan.plan)
        for left in bare.run_to_trap(self.program.at):
            if left.kind is ExitKind.REQUEST:
                entered = hart.blocks - first
                assert hart.blocks == self.asked_in
                assert left.pc == entries[entered].pc
                hart.request = self.asked_in = 0
                self._check(entries[done:entered])
                done = entered
                self._change(left.pc)
        hart.request = self.asked_in = 0
        assert hart.blocks - first == len(entries)
        steps = [step for entry in entries for step in entry.steps]
        assert hart.instructions - instructions == len(steps) - 1
        self._check(entries[done:])
        self.plan = self._draw()

    def _check(self, entries: list[Entry]) -> None:
        self.plan.check(entries, self._slot_of)
        if self.watched:
            assert {entry.pc for entry in entries} <= self.shown

    def _slot_of(self, pc: int) -> int:
        return self.bare.cache.used[self.bare.cache.page_of(pc)]  # type: ignore[arg-type]

    def _change(self, pc: int) -> None:
        source, bare = self.source, self.bare
        if source.random() < TRANSLATES and self.translations:
            self.translations -= 1
            bare.improve(pc, whole=source.random() < 0.5)
        if source.random() < LOSES:
            self.llvm.arena.rows["key"] = 0
            self.llvm.jumps.clear()
        if source.random() < WATCHES:
            self.watched = not self.watched
            bare.engine.watch_blocks(self.watched)
            self.shown |= {block.pc for block in bare.engine.known_blocks()}
        self.plan = self._draw()
        bare.engine.apply(self.plan.plan)


def test_plans_that_change_are_told_what_the_definition_says() -> None:
    for number in sorted({*range(PROGRAMS), *FAILED_ONCE}):
        source = random.Random(number)
        program = build(pieces(source), source.getrandbits(64))
        changing = Changing(source, program)
        for state in program.states:
            changing.bare.set_registers(state.x, state.f, state.fcsr)
            changing.bare.hart.reservation = 2**64 - 1
            changing.bare.write(DATA, state.data)
            changing.run(trace(program, state))
        changing.close()
