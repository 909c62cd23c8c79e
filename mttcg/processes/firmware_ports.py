"""What firmware that is the host's is connected to in a vCPU's process."""

from collections.abc import Callable, Iterable

from mttcg.firmware.firmware import Firmware, FirmwarePorts
from mttcg.firmware.registry import firmware_of
from mttcg.hardware.board import Console
from mttcg.memory.ram import GuestRam
from mttcg.tbcache.lock import SegmentLock
from mttcg.vcpu.machine.interrupt_ports import inputs_of
from mttcg.vcpu.machine.shared import Harts


class FencesOf:
    """See `mttcg.firmware.firmware.Fences`."""

    def __init__(self, ask: Callable[[Iterable[int], bool, bool], None]) -> None:
        self._ask = ask

    def ask(self, harts: Iterable[int], translations: bool, code: bool) -> None:
        """Ask them, and return when all have done it."""
        self._ask(harts, translations, code)


def make_firmware(
    isa: str,
    index: int,
    harts: Harts,
    lock: int,
    ram: GuestRam,
    console: Console,
    finish: Callable[[int], None],
    say: Callable[[str], None],
    ask: Callable[[Iterable[int], bool, bool], None],
) -> Firmware:
    """Make the firmware of hart `index`; `lock`: a file that all vCPUs have open, to take locks on.

    ask: asks harts for fences, as `RemoteFences.ask` of the vCPU, which is made later.

    Raises `NoFirmwareError`.
    """
    ports = FirmwarePorts(
        harts=harts.harts,
        inputs=inputs_of(harts),
        wake=harts.request,
        lock=SegmentLock(lock),
        ram=ram,
        console=console,
        finish=finish,
        say=say,
        fences=FencesOf(ask),
    )
    return firmware_of(isa)(index, ports)
