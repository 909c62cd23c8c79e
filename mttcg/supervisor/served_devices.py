"""The devices of the board as the supervisor has them, to tell them of what comes from outside."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mttcg.hardware.board import Board, Wiring
from mttcg.hardware.mmio import Device
from mttcg.hardware.outside import HasAlarm, TakesInput
from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam
from mttcg.vcpu.machine.console_ends import ConsoleEnds
from mttcg.vcpu.machine.interrupt_ports import SharedClock, inputs_of
from mttcg.vcpu.machine.shared import Ending, Harts, MachineState


@dataclass
class ServedDevices:
    """Those whose row says so.

    `input_is_open` says whether there may be more input. `has_alarms`: where harts take turns they
    look after alarms themselves.
    """

    devices: Sequence[Device]
    has_alarms: bool = True
    input_is_open: Callable[[], bool] = lambda: False

    def input_came(self) -> None:
        """Tell those that take input that there is some."""
        for device in self.devices:
            if isinstance(device, TakesInput):
                device.input_came()

    def awaits_input(self) -> bool:
        """Whether input would make one of them interrupt a hart."""
        takers = (device for device in self.devices if isinstance(device, TakesInput))
        return any(device.awaits_input() for device in takers)

    def can_wake(self) -> bool:
        """Whether something from outside may still make one of them interrupt a hart."""
        alarms = any(device.can_interrupt() for device in self._alarms())
        return alarms or (self.input_is_open() and self.awaits_input())

    def alarm_due(self) -> float:
        """When the next alarm is due (time.monotonic)."""
        return time.monotonic() + min(
            (device.seconds_left() for device in self._alarms()), default=math.inf
        )

    def ring_alarms(self) -> None:
        """Have those ring that are due."""
        for device in self._alarms():
            device.ring_due()

    def _alarms(self) -> list[HasAlarm]:
        devices = self.devices if self.has_alarms else ()
        return [device for device in devices if isinstance(device, HasAlarm)]


def served_devices(
    board: Board,
    ram: memoryview,
    harts: Harts,
    machine: MachineState,
    console: ConsoleEnds,
    symbols: Mapping[str, Physical],
) -> ServedDevices:
    """Build them over what all processes share; `symbols`: as for `Board.place`."""
    wiring = Wiring(
        ram=GuestRam(board.ram_base, ram),
        harts=inputs_of(harts),
        clock=SharedClock(harts),
        console=console,
        finish=lambda status: machine.stop(Ending.GUEST, status),
        state=machine.device_state,
        real_time=machine.real_time,
    )
    return ServedDevices(board.served(wiring, symbols), not machine.takes_turns)
