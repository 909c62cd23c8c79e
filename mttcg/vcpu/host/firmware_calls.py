"""Calls of a guest to firmware that is the host: what the vCPU does when one was answered."""

from collections.abc import Callable
from typing import Any, Protocol

from mttcg.engine.base import Engine
from mttcg.firmware.firmware import Firmware, Then
from mttcg.isa.system import System
from mttcg.memory.address import Virtual
from mttcg.state.vcpu_state import NEVER, Power
from mttcg.vcpu.machine.shared import MachineState


class CallingVcpu(Protocol):
    """The vCPU, as far as calls have to do with it."""

    hart: Any
    machine: MachineState
    system: System[Any]
    engine: Engine
    extensions: tuple[str, ...]

    def wait(self) -> None:
        """Sleep until an interrupt is pending that ends a wait."""

    def sleep(self, until: Callable[[], bool], deadline: Callable[[], int]) -> None:
        """Sleep until something is so, which is looked at on each request and at a deadline."""

    def follow_status(self) -> None:
        """Follow what the status enables by now."""


class FirmwareCalls:
    """The calls of one hart, and whether it is on.

    Args:
        firmware: what answers them; None if the guest brings its own, or needs none.
        vcpu: of the hart.
    """

    def __init__(self, firmware: Firmware | None, vcpu: CallingVcpu) -> None:
        self.firmware, self.vcpu = firmware, vcpu

    def answer(self) -> None:
        """Have the call answered that the hart has just made."""
        assert self.firmware is not None, "a hart that has none does not call it"
        hart, answer = self.vcpu.hart, self.firmware.answer()
        for register, value in answer.registers.items():
            self.vcpu.engine.write_x(register, value)
        if answer.then is Then.LOOK:
            self.vcpu.follow_status()
        elif answer.then is Then.STOP:
            # Shared: from here on another hart may start this one, and writes the word to do so.
            hart.power = Power.STOPPED
            self.stay_off()
        elif answer.then in (Then.SLEEP, Then.SLEEP_AND_RESTART):
            hart.start_pc, hart.start_argument = answer.place
            hart.power = Power.SUSPENDED
            self.stay_suspended()

    def stay_suspended(self) -> None:
        """Sleep until an interrupt ends that, then go on as the hart's state says."""
        hart = self.vcpu.hart
        self.vcpu.wait()
        hart.power = Power.STARTED
        if hart.start_pc:
            self._start_anew(hart.start_pc, hart.start_argument)

    def stay_off(self) -> None:
        """Sleep until another hart starts this one, then start where that says."""
        hart = self.vcpu.hart
        self.vcpu.sleep(lambda: hart.power == Power.START_PENDING, lambda: NEVER)
        if not self.vcpu.machine.stopping:
            self._start_anew(hart.start_pc, hart.start_argument)
            hart.power = Power.STARTED

    def _start_anew(self, pc: Virtual, argument: int) -> None:
        """Start with the registers that firmware sets."""
        vcpu = self.vcpu
        vcpu.engine.spill()
        vcpu.system.start_supervisor(vcpu.hart, pc, argument, vcpu.extensions)
        vcpu.engine.fill()
        vcpu.engine.fence_translations()
        vcpu.follow_status()
