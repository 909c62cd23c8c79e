"""Results of system calls as text, as strace(1) shows them."""

import errno
import os

MOST_ERRORS = 4095
OF_THE_KERNEL = {
    512: "ERESTARTSYS",
    513: "ERESTARTNOINTR",
    514: "ERESTARTNOHAND",
    516: "ERESTART_RESTARTBLOCK",
}
"""Results that a program never sees: linux: include/linux/errno.h."""
RENAMED = {11: "EAGAIN", 35: "EDEADLK", 95: "EOPNOTSUPP"}
"""Errors with two names."""
ADDRESSES = {"brk", "mmap", "mremap", "shmat"}
OCTAL = {"umask"}


def is_error(result: int) -> bool:
    """Whether a program sees that a call failed: one that the kernel begins again has not."""
    return -MOST_ERRORS <= result < 0 and -result not in OF_THE_KERNEL


def error_name(result: int) -> str:
    """The name of the error that a call ended with."""
    number = -result
    known = RENAMED.get(number) or errno.errorcode.get(number)
    return known or f"ERROR_{number}"


def result_text(name: str, result: int | None) -> str:
    """What a call gave; None: it has not returned."""
    if result is None:
        return "?"
    if -result in OF_THE_KERNEL:
        return f"? {OF_THE_KERNEL[-result]}"
    if is_error(result):
        return f"-1 {error_name(result)} ({os.strerror(-result)})"
    if name in ADDRESSES:
        return f"{result & (1 << 64) - 1:#x}"
    return f"{result:#o}".replace("0o", "0") if name in OCTAL else str(result)
