"""Attachments and the plans that follow from them, without a guest."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from mttcg.instrument import BlockTable, Counter, Scoreboard, Stream, events, probe
from mttcg.instrument.api.changes import Attachment, Change, Where, from_text, to_text
from mttcg.instrument.plan.plan import ChangedSites, FollowedCounter, Operation
from mttcg.instrument.plan.registry import Callback, Registry
from mttcg.isa.context import Scope
from mttcg.memory.address import HostAddress

HERE, THERE = 0x8000_0000, 0x8000_0100


class Lender:
    """Machinery that only notes what it was asked for."""

    def __init__(self) -> None:
        self.words: dict[str, Any] = {}
        self.counting: list[tuple[str, str, Where]] = []
        self.called: list[tuple[Any, tuple[int, ...]]] = []

    def vcpu_words(self, board: Any, cpu: int) -> Any:
        return self.words.setdefault(f"{board.name} {cpu}", np.zeros(8, dtype=np.uint64))

    def emitter(self, stream: Any, cpu: int) -> int:
        return 0x1000 + cpu

    def call_python(self, callback: Callback, arguments: tuple[int, ...]) -> None:
        self.called.append((callback.attachment.target, arguments))

    context_address = HostAddress(0)

    def start_counting(self, counter: Counter, where: Where, scope: Scope) -> FollowedCounter:
        self.counting.append(("start", counter.name, where))
        return FollowedCounter(scope, HostAddress(0), 1, "instructions")

    def stop_counting(self, counter: Counter, where: Where) -> None:
        self.counting.append(("stop", counter.name, where))


def attached(
    target: Any,
    pc: int | None = None,
    *,
    where: Where = Where.INSTRUCTION,
    cpu: int | None = None,
    plugin: str = "one",
    opaque: Any = None,
) -> Attachment:
    return Attachment(plugin, where, cpu, pc, target, opaque)


def first(*_arguments: Any) -> None:
    """Be a function."""


def second(*_arguments: Any) -> None:
    """Be another."""


@probe
def adding(cpu, pc, words):
    words[0] += cpu


@pytest.fixture
def lender() -> Lender:
    return Lender()


@pytest.fixture
def registry(lender: Lender) -> Registry:
    made = Registry(lender)
    made.become(1, lender, ["one", "two", "three"])
    return made


def add(registry: Registry, *attachments: Attachment) -> list[bool]:
    return [registry.apply(Change(True, attachment)) for attachment in attachments]


def take(registry: Registry, *attachments: Attachment) -> list[bool]:
    return [registry.apply(Change(False, attachment)) for attachment in attachments]


def targets(registry: Registry, lender: Lender, operations: tuple[Operation, ...]) -> list[Any]:
    """What is called when the operations run."""
    lender.called.clear()
    for operation in operations:
        assert operation.function == registry.trampoline_address
        registry.trampoline(operation.data, HERE, 4, 0, 0, 0)
    return [target for target, _ in lender.called]


def test_nothing_attached_is_an_empty_plan(registry: Registry) -> None:
    plan = registry.plan()
    assert (plan.every_block, plan.every_instruction, plan.every_access) == ((), (), ())
    assert (plan.blocks, plan.instructions) == ({}, {})


def test_attaching_twice_is_once_and_taking_away_twice_too(registry: Registry) -> None:
    assert add(registry, attached(first, HERE), attached(first, HERE)) == [True, False]
    assert len(registry.plan().instructions[HERE]) == 1
    assert take(registry, attached(first, HERE), attached(first, HERE)) == [True, False]
    assert registry.plan().instructions == {}


@pytest.mark.parametrize(
    "other",
    [
        attached(second, HERE),
        attached(first, THERE),
        attached(first, HERE, opaque=1),
        attached(first, HERE, cpu=1),
        attached(first, HERE, plugin="two"),
        attached(first, HERE, where=Where.BLOCK),
    ],
)
def test_attachments_that_differ_in_anything_are_two(registry: Registry, other: Attachment) -> None:
    assert add(registry, attached(first, HERE), other) == [True, True]
    assert take(registry, other) == [True]
    assert len(registry.plan().instructions[HERE]) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((1, [2]), (1, [2]), True),
        (1, True, False),
        (1, 1.0, False),
        (np.zeros(3), np.zeros(3), False),
        ("a", b"a", False),
    ],
)
def test_opaque_values_are_compared(registry: Registry, one: Any, other: Any, same: bool) -> None:
    given = [attached(first, HERE, opaque=one), attached(first, HERE, opaque=other)]
    assert add(registry, *given) == [True, not same]
    assert take(registry, given[0]) == [True]


def test_order_is_that_of_plugins_then_of_attaching(registry: Registry, lender: Lender) -> None:
    def third(*_arguments: Any) -> None:
        """Be one more."""

    add(registry, attached(third, HERE, plugin="three"), attached(second, HERE, plugin="one"))
    registry.plan()
    add(registry, attached(first, HERE, plugin="one"), attached(first, HERE, plugin="two"))
    operations = registry.plan().instructions[HERE]
    assert targets(registry, lender, operations) == [second, first, first, third]


def test_a_function_that_was_taken_away_is_not_called_again(
    registry: Registry, lender: Lender
) -> None:
    add(registry, attached(first, HERE), attached(second, HERE))
    before = registry.plan().instructions[HERE]
    take(registry, attached(first, HERE))
    assert targets(registry, lender, before) == [second], "though translated code still asks"
    add(registry, attached(first, HERE))
    assert targets(registry, lender, before) == [second], "it comes with the next plan"
    after = registry.plan().instructions[HERE]
    assert targets(registry, lender, after) == [second, first]
    assert targets(registry, lender, before) == [second]


def test_what_translated_code_uses_lives_until_the_next_plan(
    registry: Registry, lender: Lender
) -> None:
    board = Scoreboard("board", 8)
    add(registry, attached(adding, HERE, opaque=board))
    registry.plan()
    held = next(iter(registry.held.values()))
    data = weakref.ref(held.data)
    del held
    take(registry, attached(adding, HERE, opaque=board))
    gc.collect()
    assert data() is not None
    registry.plan()
    gc.collect()
    assert data() is None


def test_many_changes_leave_nothing_behind(registry: Registry) -> None:
    for number in range(100):
        attachment = attached(first, HERE + 4 * (number % 7), opaque=number)
        add(registry, attachment)
        if number % 3:
            registry.plan()
        take(registry, attachment)
    assert registry.plan().instructions == {}
    assert not registry.attachments
    assert not registry.callbacks
    assert not registry.held
    assert not registry.places
    assert not registry.released


def test_counters_of_everything_follow_from_plan_to_plan(
    registry: Registry, lender: Lender
) -> None:
    counter = Counter("all")
    add(registry, attached(counter), attached(counter, where=Where.BLOCK))
    assert lender.counting == [], "between two blocks only"
    assert registry.plan().every_instruction == ()
    assert sorted(lender.counting) == [
        ("start", "all", Where.BLOCK),
        ("start", "all", Where.INSTRUCTION),
    ]
    lender.counting.clear()
    take(registry, attached(counter))
    add(registry, attached(counter))
    registry.plan()
    assert lender.counting == [], "nothing changed"
    add(registry, attached(counter, cpu=1))
    take(registry, attached(counter))
    registry.plan()
    assert lender.counting == [], "one of the two is left"
    take(registry, attached(counter, cpu=1))
    registry.plan()
    assert lender.counting == [("stop", "all", Where.INSTRUCTION)]


def test_operations_say_what_they_are(registry: Registry) -> None:
    stream, counter = Stream("s", events.ACCESS), Counter("c")
    table = BlockTable("t", Stream("x", events.EXECUTIONS))
    add(registry, attached(stream, where=Where.ACCESS), attached(counter, where=Where.ACCESS))
    add(registry, attached(table, where=Where.BLOCK), attached(first, where=Where.BLOCK))
    plan = registry.plan()
    assert [operation.kind for operation in plan.every_access] == ["record", "count"]
    assert [operation.kind for operation in plan.every_block] == ["table", "python"]
    assert plan.every_access[0].data == 0x1001


def test_after_the_fork_only_what_concerns_the_vcpu_is_left(lender: Lender) -> None:
    before = Registry(lender)
    for cpu in (None, 0, 1, 2):
        add(before, attached(first, HERE, cpu=cpu, opaque=cpu), attached(second, cpu=cpu))
    add(before, attached(Counter("mine"), cpu=1), attached(Counter("theirs"), cpu=2))
    before.become(1, lender, ["one"])
    plan = before.plan()
    assert len(plan.instructions[HERE]) == 2
    assert len(plan.every_instruction) == 2
    assert lender.counting == [("start", "mine", Where.INSTRUCTION)]


def test_a_plan_changes_with_the_next_one_which_says_where(registry: Registry) -> None:
    add(registry, attached(first, HERE))
    plan = registry.plan()
    add(registry, attached(first, THERE), attached(second, HERE))
    assert list(plan.instructions) == [HERE]
    assert len(plan.instructions[HERE]) == 1
    following = registry.plan()
    assert following.follows(plan)
    assert following.changed == ChangedSites(frozenset(), frozenset({HERE, THERE}))
    assert len(following.instructions[HERE]) == 2
    assert registry.plan().changed == ChangedSites(frozenset(), frozenset())
    add(registry, attached(first))
    assert not registry.plan().follows(following)


class Plugin:
    """A loaded plugin, as far as changes travel."""

    name = "one"

    epoch = 0

    class module:  # noqa: N801 - stands for a module
        first, adding = first, adding


@pytest.mark.parametrize("opaque", [None, 5, -1.5, "text", b"bytes", (1, [2, {"a": (None, True)}])])
@pytest.mark.parametrize("cpu", [None, 0, 63])
def test_changes_travel(opaque: Any, cpu: int | None) -> None:
    change = Change(True, attached(first, HERE, cpu=cpu, opaque=opaque))
    text = to_text(change, Plugin)
    assert from_text(text, {"one": Plugin}, {}) == change

    class Later(Plugin):
        epoch = 3

    assert from_text(text, {"one": Later}, {}) is None
    assert from_text(text, {}, {}) is None


def test_declared_things_and_probes_travel_by_name() -> None:
    stream, board = Stream("s", events.BLOCK), Scoreboard("b", 1)
    stream.plugin = board.plugin = "one"
    declared = {("one", "s"): stream, ("one", "b"): board}
    for change in (
        Change(False, attached(stream, where=Where.BLOCK)),
        Change(True, attached(adding, HERE, opaque=board)),
    ):
        assert from_text(to_text(change, Plugin), {"one": Plugin}, declared) == change
