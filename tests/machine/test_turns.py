"""Whose turn is next, over harts that are none."""

from types import SimpleNamespace
from typing import Any

import pytest

from mttcg.state.vcpu_state import NEVER, Activity, Power
from mttcg.vcpu.machine.shared import DEVICE_STATE, MachineState
from mttcg.vcpu.machine.turn_inputs import NoInputs
from mttcg.vcpu.machine.turn_words import ALL, Count
from mttcg.vcpu.machine.turns import TurnPlan, Turns

ASLEEP = SimpleNamespace(
    wakes=lambda _hart, _machine: False, deadline=lambda _hart: NEVER, timers=lambda _hart: ()
)


def hart(index: int, state: Activity, stood: Activity = Activity.STARTING) -> Any:
    power = Power.STARTED
    return SimpleNamespace(index=index, state=state, stood=stood, power=power, instructions=0)


def turns_of(*harts: Any) -> Turns:
    """Those of hart 0, whose turn it is."""
    machine = MachineState(memoryview(bytearray(DEVICE_STATE)), 10_000_000)
    machine.turns.take()
    all_of_them: Any = SimpleNamespace(harts=harts, count=len(harts), wake=lambda _index: None)
    all_of_them.machine = machine

    def wait() -> None:
        machine.turns.choose(0)  # the others do nothing

    system: Any = ASLEEP
    inputs = NoInputs(all_of_them, wait)
    turns = Turns(0, all_of_them, machine, system, TurnPlan(100), wait, inputs)
    turns.begin()
    return turns


def next_of(turns: Turns) -> int:
    """Whose turn is next."""
    words, chosen = turns.machine.turns, []
    choose = words.choose

    def note(index: int) -> None:
        chosen.append(index)
        choose(index)

    words.choose = note  # type: ignore[method-assign]
    turns.give_up()
    return chosen[0]


@pytest.mark.parametrize("state", [Activity.PAUSED, Activity.STARTING, Activity.IDLE])
def test_a_hart_that_slept_before_it_stood_still_has_no_turn(state: Activity) -> None:
    turns = turns_of(hart(0, Activity.STARTING), hart(1, state, stood=Activity.IDLE))
    assert next_of(turns) == 0


@pytest.mark.parametrize("state", [Activity.PAUSED, Activity.STARTING])
def test_a_hart_that_ran_before_it_stood_still_has_its_turn(state: Activity) -> None:
    turns = turns_of(hart(0, Activity.STARTING), hart(1, state, stood=Activity.RUNNING))
    assert next_of(turns) == 1


def test_a_hart_stands_once_at_a_number_of_instructions() -> None:
    turns = turns_of(hart(0, Activity.STARTING), hart(1, Activity.RUNNING))
    hart_0, hart_1 = turns.harts.harts
    hart_1.instructions = 7
    for count, limit in ((Count(ALL, 20), 13), (Count(0, 20), 20), (Count(1, 20), 100)):
        turns.machine.turns.stands_at = count
        assert turns.limit() == limit
    turns.machine.turns.stands_at = Count(ALL, 20)
    hart_0.instructions = 12
    assert not turns.is_to_stand()
    hart_0.instructions = 13
    assert turns.is_to_stand()
    assert not turns.is_to_stand()
    assert turns.limit() == 100
