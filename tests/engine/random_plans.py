"""Plans of random operations of all kinds, and what each of them is to be told of a trace."""

import ctypes
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from recorded import Recorded
from traced import Entry, Step, Told

from mttcg.instrument.api.targets import BLOCK_TABLE_WORDS
from mttcg.instrument.native import frames, operations
from mttcg.instrument.plan.plan import ChangedSites, Operation, Plan
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import facts
from mttcg.memory.address import HostAddress
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_array, address_of_function

OPERATION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)
CONDITION = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 6)
BLOCK, INSTRUCTION, ACCESS, RETIRED = "block", "instruction", "access", "retired"
KINDS = {
    BLOCK: ("count", "table", "call", "python", "python", "once", "once_table", "if"),
    INSTRUCTION: ("count", "call", "python", "python", "once", "if"),
    ACCESS: ("count", "call", "python", "once", "if"),
    RETIRED: ("table",),
}
"""Of operations, by where they are attached."""
FIELDS = {
    "blocks": ("pc", "instructions", "size"),
    "executed": ("pc",),
    "accesses": ("pc", "address", "size", "value", "write"),
    "retired": ("pc", "word", "register", "value"),
    "transfers": ("pc", "word", "target"),
    "branches": ("pc", "word", "target", "taken"),
}
"""What is compared of records."""
RECORDS = 0.2
"""How often there is each kind of record."""
SlotOf = Callable[[int], int]
"""The slot of the block cache that has the page of a pc."""


@dataclass
class Attached:
    """An operation, and what it was told.

    Attributes:
        where, kind: what it is.
        pc: the place, or None for all.
        words: what it counts in.
        seen: what its function was given.
        alive: what has to live as long as it.
    """

    where: str
    kind: str
    pc: int | None
    words: "np.ndarray[Any, np.dtype[np.uint64]]"
    operation: Operation = field(init=False)
    seen: list[Told] = field(default_factory=list)
    alive: list[Any] = field(default_factory=list)

    def check(self, entries: list[Entry], slot_of: SlotOf) -> None:
        """Compare with what it is to be told of some blocks."""
        told = list(self._told(entries, slot_of))
        if self.kind == "count":
            assert int(self.words[0]) == len(told), self
        elif self.kind == "table":
            found = {int(place): int(self.words[place]) for place in np.flatnonzero(self.words)}
            assert found == Counter(place[2] * HALVES + place[3] for place in told), self
        elif self.kind == "once":
            assert self.seen == told[:1], self
        elif self.kind == "once_table":
            firsts = {(each[2], each[3]): each for each in reversed(told)}
            assert sorted(self.seen) == sorted(firsts.values()), self
        else:
            wanted = [each for each in told if self.kind != "if" or condition(each)]
            assert self.seen == wanted, self

    def _told(self, entries: Iterable[Entry], slot_of: SlotOf) -> Iterator[Told]:
        for entry in entries:
            if self.where == BLOCK and self.pc in (None, entry.pc):
                yield _of_block(entry, slot_of)
            for step in entry.steps:
                yield from self._told_of(step, slot_of)

    def _told_of(self, step: Step, slot_of: SlotOf) -> Iterator[Told]:
        if self.where == INSTRUCTION and self.pc in (None, step.pc):
            yield step.pc, facts(step.word).length, 0, 0, 0
        elif self.where == ACCESS:
            yield from step.accesses
        elif self.where == RETIRED and step.wrote is not None:
            yield step.pc, 1, *_place(step.pc, slot_of)


def _place(pc: int, slot_of: SlotOf) -> Told:
    return slot_of(pc), pc % 4096 // 2


def _of_block(entry: Entry, slot_of: SlotOf) -> Told:
    return entry.pc, entry.instructions, *_place(entry.pc, slot_of), entry.size


def behind(step: Step) -> int:
    """Where control goes on if nothing leads elsewhere."""
    return step.pc + facts(step.word).length


def condition(told: Told) -> bool:
    """What decides whether an operation under a condition runs."""
    return bool(told[0] >> 1 & 1)


class RandomPlan:
    """A plan of a few operations.

    Args:
        source: decides which.
        places: addresses of instructions, some of which get something attached.
        in_python: called where an operation runs Python.
        recorded: the rings for records.
        before: the plan of which it changes nothing but places; None: it is another one.
    """

    def __init__(
        self,
        source: random.Random,
        places: list[int],
        in_python: Callable[[], None],
        recorded: Recorded,
        before: "RandomPlan | None" = None,
    ) -> None:
        self.in_python, self.recorded = in_python, recorded
        if before is not None:
            self._follow(before, source, places)
            return
        self.names = [name for name in FIELDS if source.random() < RECORDS]
        self.attached = [self._draw(source, places) for _ in range(source.randrange(6))]
        self.plan = Plan(
            self._everywhere(BLOCK, "blocks"),
            self._everywhere(INSTRUCTION, "executed"),
            self._everywhere(ACCESS, "accesses"),
            self._everywhere(RETIRED, "retired", "transfers", "branches"),
            blocks=self._by_address(BLOCK),
            instructions=self._by_address(INSTRUCTION),
        )

    def check(self, entries: list[Entry], slot_of: SlotOf) -> None:
        """Compare with what all are to be told of the blocks that ran with this plan."""
        for attached in self.attached:
            attached.check(entries, slot_of)
        steps = [step for entry in entries for step in entry.steps]
        expected: dict[str, list[Told]] = {
            "blocks": [(entry.pc, entry.instructions, entry.size) for entry in entries],
            "executed": [(step.pc,) for step in steps],
            "accesses": [access for step in steps for access in step.accesses],
            "retired": [(s.pc, s.word, *s.wrote) for s in steps if s.wrote is not None],
            "transfers": [
                (step.pc, step.word, step.target)
                for step in steps
                if step.wrote is not None and facts(step.word).jumps
            ],
            "branches": [
                (step.pc, step.word, step.target, int(step.target != behind(step)))
                for step in steps
                if step.wrote is not None and facts(step.word).kind is Kind.BRANCH
            ],
        }
        for name, fields in FIELDS.items():
            records = self.recorded.take(name)
            found = list(zip(*(records[each].tolist() for each in fields), strict=True))
            assert found == (expected[name] if name in self.names else []), name

    def _follow(self, before: "RandomPlan", source: random.Random, places: list[int]) -> None:
        """Take some of what was attached to places away, and attach something to others."""
        self.names = before.names
        self.attached = [a for a in before.attached if a.pc is None or source.random() < 0.5]
        for attached in self.attached:
            attached.words[np.flatnonzero(attached.words)] = 0
            attached.seen.clear()
        drawn = [self._draw(source, places) for _ in range(source.randrange(6))]
        self.attached += [attached for attached in drawn if attached.pc is not None]
        changed = []
        for where, found in ((BLOCK, before.plan.blocks), (INSTRUCTION, before.plan.instructions)):
            now, then = self._by_address(where), dict(found)
            changed.append(frozenset(pc for pc in now | then if now.get(pc) != then.get(pc)))
            found.clear()  # type: ignore[attr-defined]
            found.update(now)  # type: ignore[attr-defined]
        self.plan = replace(before.plan, changed=ChangedSites(*changed))

    def _everywhere(self, where: str, *names: str) -> tuple[Operation, ...]:
        records = self.recorded.of(*(name for name in names if name in self.names))
        others = (a.operation for a in self.attached if (a.where, a.pc) == (where, None))
        return *records, *others

    def _by_address(self, where: str) -> dict[Any, tuple[Operation, ...]]:
        found: dict[Any, tuple[Operation, ...]] = {}
        for each in self.attached:
            if each.where == where and each.pc is not None:
                found[each.pc] = (*found.get(each.pc, ()), each.operation)
        return found

    def _draw(self, source: random.Random, places: list[int]) -> Attached:
        where = source.choice((BLOCK, BLOCK, INSTRUCTION, INSTRUCTION, ACCESS, RETIRED))
        kind = source.choice(KINDS[where])
        somewhere = kind not in ("table", "once_table") and where in (BLOCK, INSTRUCTION)
        pc = source.choice(places) if somewhere and source.random() < 0.6 else None
        size = BLOCK_TABLE_WORDS if kind in ("table", "once_table") else frames.CONDITION_WORDS
        made = Attached(where, kind, pc, np.zeros(size, dtype=np.uint64))
        made.operation = self._operation(made)
        return made

    def _operation(self, made: Attached) -> Operation:
        data = address_of_array(made.words)
        if made.kind in ("count", "table"):
            function = operations.count(in_table=made.kind == "table")
            return Operation(function, data, made.kind)  # type: ignore[arg-type]
        function = self._function(made, made.kind == "python")
        if made.kind in ("call", "python"):
            return Operation(function, 0, made.kind, python=made.kind == "python")  # type: ignore[arg-type]
        words = np.zeros(frames.CONDITION_WORDS, dtype=np.uint64)
        words[frames.FUNCTION], words[frames.FLAGS] = function, data
        made.alive.append(words)
        data = address_of_array(words)
        if made.kind != "if":
            each = made.kind == "once_table"
            return Operation(operations.once(each), data, made.kind)  # type: ignore[arg-type]
        decides = CONDITION(lambda _data, *told: int(condition(told)))
        made.alive.append(decides)
        words[frames.CONDITION] = address_of_function(decides)
        return Operation(operations.sometimes(), data, "if")

    def _function(self, made: Attached, python: bool) -> HostAddress:
        def run(_data: int, *told: int) -> None:
            made.seen.append(told)
            if python:
                self.in_python()

        function = OPERATION(run)
        made.alive.append(function)
        return address_of_function(function)
