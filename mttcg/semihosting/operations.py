"""Numbers of Semihosting for AArch32 and AArch64 (Arm IHI 0101), which others have taken over.

An ISA says how a call is made (`System.host_call`); operations, blocks and results are Arm's.
"""

import os
from enum import IntEnum


class SemihostingOperation(IntEnum):
    """What is asked for, in the first register."""

    OPEN = 0x01
    CLOSE = 0x02
    WRITEC = 0x03
    WRITE0 = 0x04
    WRITE = 0x05
    READ = 0x06
    READC = 0x07
    ISERROR = 0x08
    ISTTY = 0x09
    SEEK = 0x0A
    FLEN = 0x0C
    TMPNAM = 0x0D
    REMOVE = 0x0E
    RENAME = 0x0F
    CLOCK = 0x10
    TIME = 0x11
    SYSTEM = 0x12
    ERRNO = 0x13
    GET_CMDLINE = 0x15
    HEAPINFO = 0x16
    EXIT = 0x18
    EXIT_EXTENDED = 0x20
    ELAPSED = 0x30
    TICKFREQ = 0x31
    BEGIN_PROGRAM = 0x100  # of those that are for applications: see `mttcg exec`


APPLICATION_EXIT = 0x20026
"""ADP_Stopped_ApplicationExit: the one reason of EXIT that says that all is well."""
FAILED_STATUS = 1
"""Exit status for any other reason."""

CONSOLE, FEATURES = ":tt", ":semihosting-features"
"""Names of files that are none: the console, and what of the standard there is."""
EXIT_EXTENDED_FEATURE, STDOUT_STDERR_FEATURE = 1, 2
FEATURE_BYTES = b"SHFB" + bytes([EXIT_EXTENDED_FEATURE | STDOUT_STDERR_FEATURE])

CREATED = os.O_CREAT | os.O_TRUNC
OPEN_FLAGS = (
    os.O_RDONLY,
    os.O_RDWR,
    os.O_WRONLY | CREATED,
    os.O_RDWR | CREATED,
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    os.O_RDWR | os.O_CREAT | os.O_APPEND,
)
"""By half of OPEN's mode, which is that of fopen(3): r, r+, w, w+, a, a+; odd ones are binary."""


def flags_of(mode: int) -> int | None:
    """The flags of open(2) for OPEN's mode, None if there is no such mode."""
    return OPEN_FLAGS[mode // 2] if mode // 2 < len(OPEN_FLAGS) else None
