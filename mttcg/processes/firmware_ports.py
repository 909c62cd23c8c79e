"""What firmware that is the host's is connected to in a vCPU's process."""

from collections.abc import Callable

from mttcg.firmware.firmware import Fences, Firmware, FirmwarePorts
from mttcg.firmware.registry import firmware_of
from mttcg.hardware.board import Console
from mttcg.memory.ram import GuestRam
from mttcg.tbcache.lock import SegmentLock
from mttcg.vcpu.interrupt_ports import inputs_of
from mttcg.vcpu.shared import Harts


def make_firmware(
    isa: str,
    index: int,
    harts: Harts,
    lock: int,
    ram: GuestRam,
    console: Console,
    finish: Callable[[int], None],
    say: Callable[[str], None],
    fences: Fences,
) -> Firmware:
    """Make the firmware of hart `index`; `lock`: a file that all vCPUs have open, to take locks on.

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
        fences=fences,
    )
    return firmware_of(isa)(index, ports)
