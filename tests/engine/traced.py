"""What a program does by the definition, step by step, and in which blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from random_programs import (
    BASE,
    DATA,
    ECALL,
    PAGE,
    SIZE,
    Program,
    Recorder,
    State,
    block_at,
    size_of,
)

from mttcg.isa.facts import FLOATS
from mttcg.isa.riscv64.code import facts

Told = tuple[int, ...]


class Step(NamedTuple):
    """One instruction: what it accessed, the register that it wrote, and where control went.

    `wrote`: the register, 0 for none, and its value; None if the instruction trapped.
    """

    pc: int
    word: int
    accesses: list[Told]
    wrote: tuple[int, int] | None
    target: int


@dataclass(frozen=True)
class Entry:
    """A block that was entered: its instructions and bytes, and the steps until another was."""

    pc: int
    instructions: int
    size: int
    steps: list[Step]


def trace(program: Program, state: State) -> list[Entry]:
    """All blocks that a program enters, in order; the last step is one that traps."""
    entries: list[Entry] = []
    ended = True
    for step in _steps(program, state):
        if ended or step.pc // PAGE != entries[-1].pc // PAGE:
            inside = list(block_at(step.pc, program.words))
            end = inside[-1] + size_of(program.words[inside[-1]])
            entries.append(Entry(step.pc, len(inside), end - step.pc, []))
        entries[-1].steps.append(step)
        ended = facts(step.word).kind.ends_block
    return entries


def _steps(program: Program, state: State) -> Iterator[Step]:
    memory = bytearray(SIZE)
    memory[DATA - BASE : SIZE] = state.data
    for pc, word in program.words.items():
        memory[pc - BASE : pc - BASE + size_of(word)] = word.to_bytes(size_of(word), "little")
    hart = Recorder(memory, BASE, program.at, [*state.x], [*state.f], state.fcsr)
    while True:
        hart.accesses, pc = [], hart.pc
        word = program.words[pc]
        over = hart.step(word) is not None
        register = facts(word).destination
        value = (hart.f[register - FLOATS] if register >= FLOATS else hart.x[register]) or 0
        wrote = (register, value if register else 0)
        yield Step(pc, word, [] if over else hart.accesses, None if over else wrote, hart.pc)
        if over:
            assert word == ECALL or hart.pc == pc
            return
