"""The walk of page tables natively, as `mttcg.isa.riscv64.translation` defines it."""

from numba import njit

from mttcg.engine.llvm.address_rows import TranslationOutcome
from mttcg.engine.llvm.riscv64.paging.guard import may
from mttcg.engine.llvm.riscv64.paging.words import (
    MSTATUS,
    ONE,
    PRIVILEGE,
    SATP,
    SHIFT,
    U64,
    ZERO,
    host_of,
    is_in_ram,
)
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.protection import READ, WRITE
from mttcg.isa.riscv64.status import MPP_SHIFT, MSTATUS_MPRV, MSTATUS_MXR, MSTATUS_SUM
from mttcg.isa.riscv64.translation import (
    ACCESSED,
    DIRTY,
    ENTRY_BYTES,
    EXECUTABLE,
    LEVEL_BITS,
    LEVELS_LESS,
    MODE_SHIFT,
    NOT_IN_POINTERS,
    NUMBER_BITS,
    NUMBER_SHIFT,
    OF_USER,
    READABLE,
    RESERVED_BITS,
    ROOT_BITS,
    VALID,
    WRITABLE,
    AccessKind,
)
from mttcg.native import host

BITS, INDEX = U64(LEVEL_BITS), U64((1 << LEVEL_BITS) - 1)
BYTES = U64(ENTRY_BYTES)
RAM, PAGE_FAULT, ACCESS_FAULT = (
    U64(one)
    for one in (
        TranslationOutcome.RAM,
        TranslationOutcome.PAGE_FAULT,
        TranslationOutcome.ACCESS_FAULT,
    )
)
FETCH, STORE = U64(AccessKind.FETCH), U64(AccessKind.STORE)
EVERYTHING = U64(READABLE | WRITABLE | EXECUTABLE | ACCESSED | DIRTY)
"""The bits of what is not translated."""
ALL_ONES = ~ZERO


@njit(cache=True)
def effective_privilege(hart, access):
    """The level at which an access is made."""
    status = host.read64(hart + MSTATUS)
    if access != FETCH and status & U64(MSTATUS_MPRV) != ZERO:
        return status >> U64(MPP_SHIFT) & U64(MACHINE)
    return host.read64(hart + PRIVILEGE)


@njit(cache=True)
def is_translated(hart, privilege):
    """Whether addresses are translated at a level."""
    return privilege != U64(MACHINE) and host.read64(hart + SATP) >> U64(MODE_SHIFT) != ZERO


@njit(cache=True)
def find_leaf(hart, frame, address):
    """Walk the tables: what came of it, and the place, value and level of the leaf.

    Any hart may write an entry at any time; it is read in one access.
    """
    satp = host.read64(hart + SATP)
    level = (satp >> U64(MODE_SHIFT)) - U64(LEVELS_LESS)
    highest = SHIFT + BITS * level - ONE
    above = address >> highest
    if above != ZERO and above != ALL_ONES >> highest:
        return PAGE_FAULT, ZERO, ZERO, ZERO
    table = (satp & U64(ROOT_BITS)) << SHIFT
    while level != ZERO:
        level -= ONE
        number = address >> (SHIFT + BITS * level) & INDEX
        place = table + BYTES * number
        if not is_in_ram(frame, place, BYTES) or not may(
            hart, frame, place, BYTES, U64(READ), U64(SUPERVISOR)
        ):
            return ACCESS_FAULT, ZERO, ZERO, ZERO
        entry = host.load64(host_of(frame, place))
        if entry & U64(VALID) == ZERO or entry & U64(RESERVED_BITS) != ZERO:
            return PAGE_FAULT, ZERO, ZERO, ZERO
        if entry & U64(READABLE | WRITABLE) == U64(WRITABLE):
            return PAGE_FAULT, ZERO, ZERO, ZERO
        if entry & U64(READABLE | EXECUTABLE) != ZERO:
            return RAM, place, entry, level
        if entry & U64(NOT_IN_POINTERS) != ZERO:
            return PAGE_FAULT, ZERO, ZERO, ZERO
        table = (entry >> U64(NUMBER_SHIFT) & U64(NUMBER_BITS)) << SHIFT
    return PAGE_FAULT, ZERO, ZERO, ZERO


@njit(cache=True)
def permits(hart, entry, access, privilege):
    """Whether a leaf lets an access be made at a level."""
    status = host.read64(hart + MSTATUS)
    if privilege == U64(USER) and entry & U64(OF_USER) == ZERO:
        return False
    is_closed = access == FETCH or status & U64(MSTATUS_SUM) == ZERO
    if privilege == U64(SUPERVISOR) and entry & U64(OF_USER) != ZERO and is_closed:
        return False
    if access == FETCH:
        return entry & U64(EXECUTABLE) != ZERO
    if access == STORE:
        return entry & U64(WRITABLE) != ZERO
    if entry & U64(READABLE) != ZERO:
        return True
    return status & U64(MSTATUS_MXR) != ZERO and entry & U64(EXECUTABLE) != ZERO


@njit(cache=True)
def translate_page(hart, frame, address, access, privilege):
    """What came of it, and the physical address, the leaf's bits, and its level."""
    if not is_translated(hart, privilege):
        return RAM, address, EVERYTHING, ZERO
    while True:
        outcome, place, entry, level = find_leaf(hart, frame, address)
        if outcome != RAM:
            return outcome, ZERO, ZERO, ZERO
        below = BITS * level
        misaligned = entry >> U64(NUMBER_SHIFT) & ((ONE << below) - ONE)
        if misaligned != ZERO or not permits(hart, entry, access, privilege):
            return PAGE_FAULT, ZERO, ZERO, ZERO
        bits = U64(ACCESSED | DIRTY) if access == STORE else U64(ACCESSED)
        if entry & bits != bits:
            if not may(hart, frame, place, BYTES, U64(READ | WRITE), U64(SUPERVISOR)):
                return ACCESS_FAULT, ZERO, ZERO, ZERO
            # in one step with seeing that the entry is as it was: others write it as well
            if not host.compare_and_swap64(host_of(frame, place), entry, entry | bits):
                continue
            entry |= bits
        start = (entry >> U64(NUMBER_SHIFT) & U64(NUMBER_BITS)) << SHIFT
        return RAM, start | address & ((ONE << (SHIFT + below)) - ONE), entry, level
