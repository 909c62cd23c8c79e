"""How a vCPU begins: as a hart starts, or where one stood in another run."""

from typing import Any, Protocol

from mttcg.engine.base import Engine
from mttcg.errors import MttcgError
from mttcg.isa.system import System
from mttcg.memory.address import Physical, Virtual
from mttcg.state.vcpu_state import Activity, Power
from mttcg.vcpu.host.firmware_calls import FirmwareCalls
from mttcg.vcpu.host.no_translation import NoTranslationError
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu
from mttcg.vcpu.machine.turns import Turns
from mttcg.vcpu.protocol.host_messages import Start


class WentBackError(MttcgError):
    """The machine was made what it had been before; the vCPU begins from there."""

    def __init__(self) -> None:
        super().__init__("the machine went back")


class BeginningVcpu(Protocol):
    """The vCPU, as far as its beginning has to do with it."""

    hart: Any
    engine: Engine
    system: System[Any]
    guest: GuestOfVcpu
    calls: FirmwareCalls
    needs_timer: bool
    turns: Turns | None

    def start(self, pc: Virtual, device_tree: Physical, information: int = 0) -> None:
        """Set the registers that a hart starts with."""

    def wait(self) -> None:
        """Sleep until an interrupt is pending that ends a wait."""

    def follow_status(self) -> None:
        """Follow what the status enables by now."""

    def follow_plan(self) -> None:
        """Put the plan in force if it is another by now."""


def begin(vcpu: BeginningVcpu, message: Start) -> None:
    """Set the registers of a hart that starts, or take those that are in its state."""
    if not message.restored:
        vcpu.start(message.entry, message.device_tree, message.information)
        return
    if vcpu.system.translates(vcpu.hart) and vcpu.needs_timer:
        raise NoTranslationError(vcpu.engine.name, vcpu.hart.pc)
    vcpu.guest.followed.follow_context()
    vcpu.engine.fill()
    vcpu.follow_status()
    vcpu.follow_plan()


def begin_turn(vcpu: BeginningVcpu) -> None:
    """Run from now on; where harts take turns, when it is the hart's."""
    if vcpu.turns is None:
        vcpu.hart.state = Activity.RUNNING
    else:
        vcpu.turns.begin()


def stay(vcpu: BeginningVcpu) -> None:
    """Be off, or asleep, if that is how the hart begins."""
    if vcpu.hart.power == Power.SUSPENDED:
        vcpu.calls.stay_suspended()
    elif vcpu.hart.power != Power.STARTED:
        vcpu.calls.stay_off()
    elif vcpu.hart.stood == Activity.IDLE:
        vcpu.wait()
