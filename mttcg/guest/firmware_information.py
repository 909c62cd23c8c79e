"""What firmware is told of what it is to start (OpenSBI: include/sbi/fw_dynamic.h)."""

import struct

from mttcg.memory.address import Physical

INFORMATION = struct.Struct("<6Q")
"""magic, version, next_addr, next_mode, options, boot_hart."""
MAGIC = 0x4942534F
VERSION = 2
SUPERVISOR_MODE = 1
NO_OPTIONS = 0
BOOT_HART = 0


def firmware_information(kernel_entry: Physical | None) -> bytes:
    """Return the structure: the kernel starts in supervisor mode, on hart 0; 0 without a kernel."""
    entry = kernel_entry or 0
    return INFORMATION.pack(MAGIC, VERSION, entry, SUPERVISOR_MODE, NO_OPTIONS, BOOT_HART)
