"""What native functions of address translation share: words of the frame and of the hart."""

import numpy as np
from numba import njit

from mttcg.engine.llvm.frame import Word
from mttcg.isa.riscv64.state import OFFSET
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native.words import get

U64 = np.uint64
ZERO, ONE, EIGHT = U64(0), U64(1), U64(8)
SHIFT, PAGE_BYTES, LAST = U64(PAGE_SHIFT), U64(PAGE), U64(PAGE - 1)
PRIVILEGE, MSTATUS, SATP = (U64(OFFSET[name]) for name in ("privilege", "mstatus", "satp"))
PMPCFG0, PMPCFG2, PMPADDR = (U64(OFFSET[name]) for name in ("pmpcfg0", "pmpcfg2", "pmpaddr"))


@njit(cache=True)
def is_in_ram(frame, physical, size):
    """Whether an access is all in RAM, be it plain or not."""
    return physical - get(frame, Word.RAM) <= get(frame, Word.RAM_BYTES) - size


@njit(cache=True)
def is_at_device(frame, physical):
    """Whether a place in RAM is from the first page with a device to the last."""
    return physical - get(frame, Word.DEVICES) < get(frame, Word.DEVICES_BYTES)


@njit(cache=True)
def host_of(frame, physical):
    """Where a place in RAM is in this process."""
    return get(frame, Word.RAM_HOST) + physical - get(frame, Word.RAM)
