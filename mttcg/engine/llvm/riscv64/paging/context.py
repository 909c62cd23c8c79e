"""The hart's context, which native code keeps in its state, and the counters that follow it."""

from numba import njit

from mttcg.engine.llvm.followed_counters import (
    BEGAN,
    COUNTED,
    MASK,
    ROW_WORDS,
    WANTED,
    WORDS,
)
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.riscv64.paging.walk import is_translated
from mttcg.engine.llvm.riscv64.paging.words import EIGHT, ONE, PRIVILEGE, SATP, U64, ZERO
from mttcg.isa.context import MARKS_MASK, SPACE_BITS, SPACE_MASK
from mttcg.native import host
from mttcg.native.words import get
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

CONTEXT = U64(offsets_of(VcpuState)["context"])


@njit(cache=True)
def context_of(hart):
    """The level and address space of a hart; the definition is `System.context`."""
    privilege = host.read64(hart + PRIVILEGE)
    space = ZERO
    if is_translated(hart, privilege):
        space = host.read64(hart + SATP) & U64(SPACE_MASK)
    return privilege << U64(SPACE_BITS) | space


@njit(cache=True)
def follow_counter(hart, row, before, now):
    """Have a counter follow the hart's count as long as the context is in its scope."""
    mask, wanted = host.read64(row + U64(8 * MASK)), host.read64(row + U64(8 * WANTED))
    was, will_be = before & mask == wanted, now & mask == wanted
    if was == will_be:
        return
    words, began = host.read64(row + U64(8 * WORDS)), host.read64(row + U64(8 * BEGAN))
    count = host.load64(hart + host.read64(row + U64(8 * COUNTED))) + ONE
    if was:
        counted = count - host.load64(began)
        host.store64(words, host.load64(words) + counted)
        host.store64(began, ZERO)
    else:
        host.store64(began, count)


@njit(cache=True)
def follow_context(hart, frame):
    """Note the hart's context, and have counters follow that."""
    before = host.load64(hart + CONTEXT)
    now = context_of(hart) | before & U64(MARKS_MASK)
    if before == now:
        return
    host.store64(hart + CONTEXT, now)
    table = get(frame, Word.FOLLOWED)
    if table == ZERO:
        return
    left, row = host.read64(table), table + EIGHT
    while left != ZERO:
        follow_counter(hart, row, before, now)
        row += U64(8 * ROW_WORDS)
        left -= ONE
