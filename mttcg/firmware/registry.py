"""The firmware that there is, found by the name of the guest's ISA."""

from importlib import import_module

from mttcg.errors import MttcgError
from mttcg.firmware.firmware import MakeFirmware

MODULES = {"riscv64": "sbi"}
"""By ISA, the module that has its FIRMWARE."""


class NoFirmwareError(MttcgError):
    """There is no firmware for an ISA, so a guest of it can't be started below one."""

    def __init__(self, isa: str) -> None:
        super().__init__(f"there is no firmware for {isa}; there is for {', '.join(MODULES)}")
        self.isa = isa


def native_firmware_of(isa: str) -> tuple[str, str]:
    """Return the module and the name of the C function that answers some calls natively."""
    return f"mttcg.firmware.{isa}.native", "answer"


def firmware_of(isa: str) -> MakeFirmware:
    """Return what makes the firmware of an ISA. Raises `NoFirmwareError`."""
    if isa not in MODULES:
        raise NoFirmwareError(isa)
    module = import_module(f"mttcg.firmware.{isa}.{MODULES[isa]}")
    made: MakeFirmware = module.FIRMWARE
    return made
