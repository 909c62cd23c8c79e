"""The devices of the board as the supervisor has them, to tell them of what comes from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mttcg.hardware.board import Board, Wiring
from mttcg.hardware.mmio import Device
from mttcg.hardware.outside import TakesInput
from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam
from mttcg.vcpu.console_ends import ConsoleEnds
from mttcg.vcpu.interrupt_ports import SharedClock, inputs_of
from mttcg.vcpu.shared import Ending, Harts, MachineState


@dataclass(frozen=True)
class ServedDevices:
    """Those whose row says so."""

    devices: Sequence[Device]

    def input_came(self) -> None:
        """Tell those that take input that there is some."""
        for device in self.devices:
            if isinstance(device, TakesInput):
                device.input_came()

    def can_wake(self, input_is_open: bool) -> bool:
        """Whether something from outside may still make one of them interrupt a hart."""
        takers = (device for device in self.devices if isinstance(device, TakesInput))
        return input_is_open and any(device.awaits_input() for device in takers)


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
    )
    return ServedDevices(board.served(wiring, symbols))
