"""A vCPU whose hart takes turns with the others."""

from collections.abc import Sequence

from mttcg.engine.base import TakesTurns
from mttcg.vcpu.machine.shared import Harts
from mttcg.vcpu.machine.turn_inputs import TurnInputs
from mttcg.vcpu.machine.turns import Alarm, TurnPlan, Turns
from mttcg.vcpu.vcpu import Vcpu


def take_turns(
    vcpu: Vcpu, harts: Harts, plan: TurnPlan, inputs: TurnInputs, alarms: Sequence[Alarm]
) -> None:
    """Have a vCPU's hart take turns, before it runs; its engine is one that can.

    inputs: what comes from outside. alarms: devices that interrupt at a time.
    """
    engine = vcpu.engine
    assert isinstance(engine, TakesTurns), "the configuration has another engine"
    index = vcpu.hart.index
    parts = vcpu.machine, vcpu.system, plan, vcpu.attend, inputs, alarms
    vcpu.turns = Turns(index, harts, *parts)
    engine.take_turns(vcpu.turns.clock, vcpu.turns.limit)
