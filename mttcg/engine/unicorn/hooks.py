"""What the native hooks share, of no ISA: the frame, operations of the plan, RAM and its pages.

Each hook is a C function made by numba that uc_hook_add takes as it is; `frame` is a host address,
see frame.py. No hook allocates, none calls into Python but through an operation of the plan.
"""

import numpy as np
from numba import cfunc, njit, types

from mttcg.engine.unicorn.frame import GOLDEN, Reason, Word
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native import host

U64 = np.uint64
ENGINE = int(Word.ENGINE)
RAM, RAM_BASE, RAM_SIZE = int(Word.RAM), int(Word.RAM_BASE), int(Word.RAM_SIZE)
PAGE_SLOT, PAGE_DEVICE = int(Word.PAGE_SLOT), int(Word.PAGE_DEVICE)
ORIGINAL, FETCHED = int(Word.ORIGINAL), int(Word.FETCHED)
REGISTER_READ, REGISTER_WRITE = int(Word.REGISTER_READ), int(Word.REGISTER_WRITE)
EMULATION_STOP = int(Word.EMULATION_STOP)
EXIT, EXIT_PC, EXIT_DETAIL = int(Word.EXIT), int(Word.EXIT_PC), int(Word.EXIT_DETAIL)
EVERY_ACCESS, EVERY_ORDER = int(Word.EVERY_ACCESS), int(Word.EVERY_ORDER)
SITE_ROWS, SCRATCH = int(Word.SITE_ROWS), int(Word.SCRATCH)
LOAD, STORE, FETCH_PAGE = int(Reason.LOAD), int(Reason.STORE), int(Reason.FETCH_PAGE)
NONE = int(Reason.NONE)
UC_MEM_WRITE, UC_MEM_FETCH = 17, 18
PROT_READ_WRITE, PROT_EXEC = 3, 4
SITE_SHIFT = 3 * 8


@njit(cache=True)
def get(frame, word):
    """A word of the frame."""
    return host.load64(frame + U64(8 * word))


@njit(cache=True)
def put(frame, word, value):
    """Set a word of the frame."""
    host.store64(frame + U64(8 * word), U64(value))


@njit(cache=True)
def bump(address, amount):
    """Add to a counter that this vCPU alone writes."""
    host.store64(address, host.load64(address) + U64(amount))


@njit(cache=True)
def read_register(frame, register):
    """A register, by Unicorn's number."""
    slot = frame + U64(8 * SCRATCH)
    host.call_register(get(frame, REGISTER_READ), get(frame, ENGINE), U64(register), slot)
    return host.load64(slot)


@njit(cache=True)
def write_register(frame, register, value):
    """Write a register, by Unicorn's number."""
    slot = frame + U64(8 * SCRATCH)
    host.store64(slot, U64(value))
    host.call_register(get(frame, REGISTER_WRITE), get(frame, ENGINE), U64(register), slot)


@njit(cache=True)
def leave(frame, reason, pc, detail):
    """Ask Unicorn to stop, and say why; the first reason stands."""
    if get(frame, EXIT) == U64(NONE):
        put(frame, EXIT_PC, pc)
        put(frame, EXIT_DETAIL, detail)
        put(frame, EXIT, U64(reason))
    host.call_engine(get(frame, EMULATION_STOP), get(frame, ENGINE))


@njit(cache=True)
def run_rows(rows, count, a, b, c, d, e):
    """Run `count` operations from a row of (function, data) pairs."""
    row = rows
    end = rows + count * U64(16)
    while row != end:
        host.call_operation(host.load64(row), host.load64(row + U64(8)), a, b, c, d, e)
        row += U64(16)


@njit(cache=True)
def run_site(frame, table, pc, a, b, c, d, e):
    """Run the operations attached at one pc, found by open addressing.

    A table is a word `mask`, then mask + 1 rows of (pc, first row, count); count 0 is free.
    """
    mask = host.load64(table)
    probe = ((pc >> U64(1)) * U64(GOLDEN)) >> U64(32)
    while True:
        entry = table + U64(8) + (probe & mask) * U64(SITE_SHIFT)
        count = host.load64(entry + U64(16))
        if count == U64(0):
            return
        if host.load64(entry) == pc:
            rows = get(frame, SITE_ROWS) + host.load64(entry + U64(8)) * U64(16)
            run_rows(rows, count, a, b, c, d, e)
            return
        probe += U64(1)


@njit(cache=True)
def is_plain(frame, address):
    """Whether an address is in RAM, on a page without a device."""
    offset = address - get(frame, RAM_BASE)
    if offset >= get(frame, RAM_SIZE):
        return False
    return host.load8(get(frame, PAGE_DEVICE) + (offset >> U64(PAGE_SHIFT))) == U64(0)


@cfunc(types.boolean(types.uint64, types.uint64, types.int32, types.uint64, types.uint64))
def on_tlb_fill(_engine, address, kind, result, frame):
    """Map a page: data accesses to RAM itself, fetches to the current version of the code page."""
    page = (address - get(frame, RAM_BASE)) >> U64(PAGE_SHIFT)
    inside = address - get(frame, RAM_BASE) < get(frame, RAM_SIZE)
    if kind == UC_MEM_FETCH:
        slot = U64(0)
        if inside:
            slot = host.load32(get(frame, PAGE_SLOT) + U64(4) * page)
        if slot == U64(0):
            leave(frame, FETCH_PAGE, U64(0), address)
            return False
        host.store64(result, get(frame, FETCHED) + (slot - U64(1)) * U64(PAGE))
        host.store64(result + U64(8), U64(PROT_EXEC))
        return True
    if not inside or host.load8(get(frame, PAGE_DEVICE) + page) != U64(0):
        leave(frame, STORE if kind == UC_MEM_WRITE else LOAD, U64(0), address)
        return False
    host.store64(result, address)
    host.store64(result + U64(8), U64(PROT_READ_WRITE))
    return True


@njit(cache=True)
def observe_order(frame, pc, address, size, value, how):
    """Tell those who want order of a fence, or of a store-conditional that failed."""
    operations = get(frame, EVERY_ORDER + 1)
    if operations != U64(0):
        run_rows(get(frame, EVERY_ORDER), operations, pc, address, size, value, how)


@njit(cache=True)
def observe_access(frame, pc, address, size, value, how):
    """Tell the plan of one access."""
    operations = get(frame, EVERY_ACCESS + 1)
    if operations != U64(0):
        if size < U64(8):
            value = value & ((U64(1) << (size * U64(8))) - U64(1))
        run_rows(get(frame, EVERY_ACCESS), operations, pc, address, size, value, how)


@cfunc(
    types.void(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64, types.uint64),
)
def observe(frame, pc, address, size, value, write):
    """`observe_access`, for accesses that the host made in Python."""
    observe_access(frame, pc, address, size, value, write)
