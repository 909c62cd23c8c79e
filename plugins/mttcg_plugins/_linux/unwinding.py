"""The calls that a vCPU is in, by frame pointers, as compilers keep them with
-fno-omit-frame-pointer, and kernels with CONFIG_FRAME_POINTER."""

from collections.abc import Container

from mttcg.instrument import Cpu
from mttcg.instrument.errors import NotRamError

DEEPEST = 64
FRAME_BYTES = 16
LINK, FRAME = "ra", "s0"
ALIGNMENT = 8
LARGEST_STACK = 8 << 20


def stack_of(cpu: Cpu, starts: Container[int]) -> list[int]:
    """Where a vCPU is, and where the callers go on, the innermost first.

    starts: addresses of functions: at the first instruction of one its caller is in a register.
    """
    found = [cpu.pc]
    frame, half = cpu.read_register(FRAME), cpu.pc >> 63
    if cpu.pc in starts:
        found.append(cpu.read_register(LINK))
    elif outer := _frame_above_leaf(cpu, frame):
        found.append(cpu.read_register(LINK))
        frame = outer
    while len(found) < DEEPEST and frame % ALIGNMENT == 0 and frame >= FRAME_BYTES:
        try:
            words = cpu.read_memory(frame - FRAME_BYTES, FRAME_BYTES)
        except NotRamError:
            break
        outer, back = (int.from_bytes(each, "little") for each in (words[:8], words[8:]))
        # a stack grows down, and does not go from the kernel's half to a program's
        if not back or back >> 63 != half or outer <= frame:
            if back and back >> 63 == half:
                found.append(back)
            break
        found.append(back)
        frame = outer
    return found


def _frame_above_leaf(cpu: Cpu, frame: int) -> int:
    """The caller's frame, if the function calls none, and so has not stored where it returns to.

    There is the caller's frame then, which is further up on the same stack; otherwise 0.
    """
    if frame % ALIGNMENT or frame < FRAME_BYTES:
        return 0
    try:
        found = int.from_bytes(cpu.read_memory(frame - 8, 8), "little")
    except NotRamError:
        return 0
    return found if found % ALIGNMENT == 0 and 0 < found - frame < LARGEST_STACK else 0
