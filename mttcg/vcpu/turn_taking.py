"""A vCPU whose hart takes turns with the others."""

from collections.abc import Sequence

from mttcg.engine.base import TakesTurns
from mttcg.vcpu.beginning import WentBackError
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
    vcpu.stops.note = vcpu.turns.note
    vcpu.turns.begin_anew = engine.take_turns(vcpu.turns.clock, vcpu.turns.limit)


def run(vcpu: Vcpu) -> None:
    """Run until the machine stops; from elsewhere each time that it is made what it was before."""
    again = False
    while True:
        try:
            vcpu.run(again)
            return
        except WentBackError:
            again = True
            _begin_anew(vcpu)


def _begin_anew(vcpu: Vcpu) -> None:
    """Go on with what the hart's state is by now."""
    assert vcpu.turns is not None, "only where harts take turns"
    vcpu.turns.begin_anew()
    vcpu.stops.forget()
    vcpu.trap_loops.forget()
    vcpu.guest.followed.follow_context()
    vcpu.follow_plan()
