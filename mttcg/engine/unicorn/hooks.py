"""The native hooks: everything that happens per block, instruction, access or atomic.

Each is a C function made by numba that uc_hook_add takes as it is; `frame` is a host address, see
frame.py. No hook allocates, none calls into Python but through an operation of the plan.
"""

import numpy as np
from numba import cfunc, njit, types
from unicorn import riscv_const

from mttcg.engine.unicorn import frame as at
from mttcg.engine.unicorn.frame import GOLDEN, Reason, Word
from mttcg.engine.unicorn.riscv64.from_rows import FIRST_AMO, LR, SC
from mttcg.engine.unicorn.riscv64.look_up import atomic_operation, destination_and_jump
from mttcg.instrument import events
from mttcg.instrument.native.frames import HOW_BITS
from mttcg.isa.facts import FLOATS
from mttcg.isa.riscv64.state import NO_RESERVATION
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native import host
from mttcg.native.amo import amo32, amo64

U64 = np.uint64
ENGINE, HART = int(Word.ENGINE), int(Word.HART)
RAM, RAM_BASE, RAM_SIZE = int(Word.RAM), int(Word.RAM_BASE), int(Word.RAM_SIZE)
PAGE_SLOT, PAGE_DEVICE = int(Word.PAGE_SLOT), int(Word.PAGE_DEVICE)
PAGE_ENTRIES = int(Word.PAGE_ENTRIES)
ORIGINAL, FETCHED = int(Word.ORIGINAL), int(Word.FETCHED)
REGISTER_READ, REGISTER_WRITE = int(Word.REGISTER_READ), int(Word.REGISTER_WRITE)
EMULATION_STOP = int(Word.EMULATION_STOP)
EXIT, EXIT_PC, EXIT_DETAIL = int(Word.EXIT), int(Word.EXIT_PC), int(Word.EXIT_DETAIL)
PIECE_PC, RESUME_PC = int(Word.PIECE_PC), int(Word.RESUME_PC)
EVERY_BLOCK, EVERY_INSTRUCTION = int(Word.EVERY_BLOCK), int(Word.EVERY_INSTRUCTION)
EVERY_ACCESS, EVERY_ORDER = int(Word.EVERY_ACCESS), int(Word.EVERY_ORDER)
EVERY_RETIRED, EVERY_TABLE = int(Word.EVERY_RETIRED), int(Word.EVERY_TABLE)
PENDING_PC, PENDING_WORD = int(Word.PENDING_PC), int(Word.PENDING_WORD)
BLOCK_SITES, INSTRUCTION_SITES = int(Word.BLOCK_SITES), int(Word.INSTRUCTION_SITES)
SITE_ROWS, SCRATCH = int(Word.SITE_ROWS), int(Word.SCRATCH)

REQUESTED, NEW_PIECE, SYSTEM = int(Reason.REQUEST), int(Reason.NEW_PIECE), int(Reason.SYSTEM)
LOAD, STORE, FETCH_PAGE = int(Reason.LOAD), int(Reason.STORE), int(Reason.FETCH_PAGE)
LOAD_MISALIGNED, STORE_MISALIGNED = int(Reason.LOAD_MISALIGNED), int(Reason.STORE_MISALIGNED)
ATOMIC_ACCESS = int(Reason.ATOMIC_ACCESS)
NONE = int(Reason.NONE)

PC = riscv_const.UC_RISCV_REG_PC
X0 = riscv_const.UC_RISCV_REG_X0
F0 = riscv_const.UC_RISCV_REG_F0
FCSR = riscv_const.UC_RISCV_REG_FCSR

UC_MEM_WRITE, UC_MEM_FETCH = 17, 18
PROT_READ_WRITE, PROT_EXEC = 3, 4
SITE_SHIFT = 3 * 8
WRITE, FENCE, FAILED = events.WRITE, events.FENCE, events.FAILED
AMO, LOAD_RESERVED = events.AMO, events.LOAD_RESERVED
STORE_CONDITIONAL = events.STORE_CONDITIONAL
ACQUIRE, RELEASE = events.ACQUIRE, events.RELEASE
TOTAL_STORE_ORDER = 0x833
"""fm, predecessor and successor of fence.tso; every other fm means a normal fence."""


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


@cfunc(
    types.boolean(types.uint64, types.uint64, types.int32, types.uint64, types.uint64), cache=True
)
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
def retire(frame, target):
    """Tell the plan that the instruction that had begun is over, and went to `target`."""
    pc, word = get(frame, PENDING_PC), get(frame, PENDING_WORD)
    if pc == U64(at.NOWHERE):
        return
    put(frame, PENDING_PC, U64(at.NOWHERE))
    tables = get(frame, EVERY_TABLE + 1)
    if tables != U64(0):
        page, half = (pc - get(frame, RAM_BASE)) >> U64(PAGE_SHIFT), (pc & U64(PAGE - 1)) >> U64(1)
        slot = host.load32(get(frame, PAGE_SLOT) + U64(4) * page) - U64(1)
        run_rows(get(frame, EVERY_TABLE), tables, pc, U64(1), slot, half, U64(0))
    count = get(frame, EVERY_RETIRED + 1)
    if count == U64(0):
        return
    register, jumps = destination_and_jump(word)
    value = U64(0)
    if register >= U64(FLOATS):
        value = read_register(frame, U64(F0 - FLOATS) + register)
    elif register != U64(0):
        value = read_register(frame, U64(X0) + register)
    what = word | (register << U64(32)) | jumps
    retired = host.load64(get(frame, HART) + U64(at.INSTRUCTIONS))
    run_rows(get(frame, EVERY_RETIRED), count, pc, what, value, target, retired)


@cfunc(types.void(types.uint64, types.uint64), cache=True)
def retire_pending(frame, target):
    """`retire`, for the engine when control has left what can be fetched."""
    retire(frame, target)


@cfunc(types.void(types.uint64, types.uint64, types.uint32, types.uint64), cache=True)
def on_block(_engine, pc, size, frame):
    """Enter a block, or a further piece of one, which is only counted, as instructions.

    At a block: notice requests, count it, run the plan's operations.
    """
    if get(frame, EXIT) != U64(NONE):
        return
    retire(frame, pc)
    hart = get(frame, HART)
    goes_on = get(frame, RESUME_PC) == pc
    if not goes_on:
        put(frame, RESUME_PC, U64(at.NOWHERE))
        if host.load64(hart + U64(at.REQUEST)) != U64(0):
            leave(frame, REQUESTED, pc, U64(0))
            return
    page = (pc - get(frame, RAM_BASE)) >> U64(PAGE_SHIFT)
    pieces = host.load64(get(frame, PAGE_ENTRIES) + U64(8) * page)
    half = (pc & U64(PAGE - 1)) >> U64(1)
    piece = host.load64(pieces + half * U64(8))
    known, count = piece & U64(0xFFFF), (piece >> U64(16)) & U64(0xFFFF)
    rest, whole = (piece >> U64(32)) & U64(0xFFFF), piece >> U64(48)
    if known != U64(size) or count == U64(0) or (whole == U64(0) and not goes_on):
        leave(frame, NEW_PIECE, pc, U64(size))
        return
    put(frame, PIECE_PC, pc)
    bump(hart + U64(at.INSTRUCTIONS), count)
    # Unicorn ends it within the block: what runs next is there, if nothing leaves before
    put(frame, RESUME_PC, pc + U64(size) if U64(size) < rest else U64(at.NOWHERE))
    if goes_on:
        return
    host.store64(hart + U64(at.BLOCK_PC), pc)
    bump(hart + U64(at.BLOCKS), U64(1))
    operations, table = get(frame, EVERY_BLOCK + 1), get(frame, BLOCK_SITES)
    if operations | table != U64(0):
        slot = host.load32(get(frame, PAGE_SLOT) + U64(4) * page) - U64(1)
        run_rows(get(frame, EVERY_BLOCK), operations, pc, whole, slot, half, rest)
        if table != U64(0):
            run_site(frame, table, pc, pc, whole, slot, half, rest)


@njit(cache=True)
def instruction_at(frame, pc):
    """The instruction word at a pc, from the version of the page that this vCPU fetches."""
    page = (pc - get(frame, RAM_BASE)) >> U64(PAGE_SHIFT)
    slot = host.load32(get(frame, PAGE_SLOT) + U64(4) * page) - U64(1)
    offset = pc & U64(PAGE - 1)
    word = host.load16(get(frame, ORIGINAL) + (slot << U64(PAGE_SHIFT)) + offset)
    if word & U64(3) != U64(3):
        return word
    if offset < U64(4094):
        high = host.load16(get(frame, ORIGINAL) + (slot << U64(PAGE_SHIFT)) + offset + U64(2))
    else:
        high = host.load16(get(frame, RAM) + (pc + U64(2) - get(frame, RAM_BASE)))
    return word | (high << U64(16))


@njit(cache=True)
def observe_order(frame, pc, address, size, value, how):
    """Tell those who want order of a fence, or of an SC that failed."""
    operations = get(frame, EVERY_ORDER + 1)
    if operations != U64(0):
        run_rows(get(frame, EVERY_ORDER), operations, pc, address, size, value, how)


@njit(cache=True)
def observe_fence(frame, pc):
    """Tell those who want order if this instruction is a fence."""
    word = instruction_at(frame, pc)
    if word & U64(0x707F) == U64(0x0F):
        sets = (word >> U64(20)) & U64(0xFFF)
        if sets != U64(TOTAL_STORE_ORDER):
            sets = sets & U64(0xFF)
        observe_order(frame, pc, U64(0), U64(0), sets, U64(FENCE))


@cfunc(types.void(types.uint64, types.uint64, types.uint32, types.uint64), cache=True)
def on_instruction(_engine, pc, size, frame):
    """Before an instruction: run the plan's operations for it."""
    if get(frame, EXIT) != U64(NONE):
        return
    retire(frame, pc)
    operations = get(frame, EVERY_INSTRUCTION + 1)
    if operations != U64(0):
        rows = get(frame, EVERY_INSTRUCTION)
        run_rows(rows, operations, pc, U64(size), U64(0), U64(0), U64(0))
    table = get(frame, INSTRUCTION_SITES)
    if table != U64(0):
        run_site(frame, table, pc, pc, U64(size), U64(0), U64(0), U64(0))
    if get(frame, EVERY_ORDER + 1) != U64(0):
        observe_fence(frame, pc)
    if get(frame, EVERY_RETIRED + 1) | get(frame, EVERY_TABLE + 1) != U64(0):
        put(frame, PENDING_WORD, instruction_at(frame, pc))
        put(frame, PENDING_PC, pc)


@njit(cache=True)
def observe_access(frame, pc, address, size, value, how):
    """Tell the plan of one access."""
    operations = get(frame, EVERY_ACCESS + 1)
    if operations != U64(0):
        if size < U64(8):
            value = value & ((U64(1) << (size * U64(8))) - U64(1))
        run_rows(get(frame, EVERY_ACCESS), operations, pc, address, size, value, how)


@njit(cache=True)
def how_of(frame, kind, word):
    """What an atomic is, with the clock before it if anybody wants that; taken before it."""
    if get(frame, EVERY_ORDER + 1) == U64(0):
        return U64(0)
    ordered = ((word >> U64(26)) & U64(1)) * U64(ACQUIRE) | ((word >> U64(25)) & U64(1)) * U64(
        RELEASE
    )
    return U64(kind) | ordered | (host.clock_before() << U64(HOW_BITS))


@cfunc(
    types.void(types.uint64, types.int32, types.uint64, types.int32, types.int64, types.uint64),
    cache=True,
)
def on_access(_engine, kind, address, size, value, frame):
    """A load that has read, or a store that is about to write, plain RAM.

    A store over two pages is announced before the second is looked up, and may not happen here.
    """
    write = U64(1) if kind == UC_MEM_WRITE else U64(0)
    last = address + U64(size) - U64(1)
    if write and (address ^ last) >> U64(PAGE_SHIFT) != U64(0) and not is_plain(frame, last):
        return
    pc = read_register(frame, PC)
    observe_access(frame, pc, address, U64(size), U64(value), write)


@njit(cache=True)
def load_reserved(frame, pc, word, address, size):
    """LR: load, and remember what was read where."""
    how = how_of(frame, LOAD_RESERVED, word)
    place = get(frame, RAM) + (address - get(frame, RAM_BASE))
    value = host.load64(place) if size == 8 else host.load32(place)
    hart = get(frame, HART)
    host.store64(hart + U64(at.RESERVATION), address)
    host.store64(hart + U64(at.RESERVATION_VALUE), value)
    observe_access(frame, pc, address, U64(size), value, how)
    return value if size == 8 else U64(np.int64(np.int32(np.uint32(value))))


@njit(cache=True)
def store_conditional(frame, pc, word, address, size):
    """SC: store if the reservation holds; 0 if it did, 1 if not."""
    how = how_of(frame, STORE_CONDITIONAL, word)
    hart = get(frame, HART)
    reserved = host.load64(hart + U64(at.RESERVATION))
    host.store64(hart + U64(at.RESERVATION), U64(NO_RESERVATION))
    value = read_register(frame, U64(X0) + ((word >> U64(20)) & U64(31)))
    if reserved == address and swap_reserved(frame, address, size, value):
        observe_access(frame, pc, address, U64(size), value, how | U64(WRITE))
        return U64(0)
    if size == 4:
        value = value & U64(0xFFFFFFFF)
    observe_order(frame, pc, address, U64(size), value, how | U64(FAILED))
    return U64(1)


@njit(cache=True)
def swap_reserved(frame, address, size, value):
    """Store if memory still holds what LR read; whether it did."""
    place = get(frame, RAM) + (address - get(frame, RAM_BASE))
    old = host.load64(get(frame, HART) + U64(at.RESERVATION_VALUE))
    if size == 8:
        return host.compare_and_swap64(place, old, value)
    return host.compare_and_swap32(place, old, value)


@njit(cache=True)
def read_modify_write(frame, pc, operation, word, address, size):
    """An AMO: what was there before."""
    place = get(frame, RAM) + (address - get(frame, RAM_BASE))
    operand = read_register(frame, U64(X0) + ((word >> U64(20)) & U64(31)))
    how = how_of(frame, AMO, word)
    old = amo64(operation, place, operand) if size == 8 else amo32(operation, place, operand)
    if get(frame, EVERY_ACCESS + 1) != U64(0):
        new = stored_by(frame, operation, size, old, operand)
        observe_access(frame, pc, address, U64(size), old, how)
        observe_access(frame, pc, address, U64(size), new, how | U64(WRITE))
    return old


@njit(cache=True)
def stored_by(frame, operation, size, old, operand):
    """What an AMO wrote: the operation again, on a word of the frame."""
    place = frame + U64(8 * SCRATCH)
    host.store64(place, old)
    if size == 8:
        amo64(operation, place, operand)
    else:
        amo32(operation, place, operand)
    return host.load64(place)


@njit(cache=True)
def run_atomic(frame, pc, word):
    """Run an AMO, LR or SC; False if the vCPU has to deal with it."""
    function = (word >> U64(12)) & U64(7)
    operation, size = atomic_operation(word), 1 << int(function)
    reserved = operation == LR and (word >> U64(20)) & U64(31) != U64(0)
    if reserved or operation == 0:
        return False
    address = read_register(frame, U64(X0) + ((word >> U64(15)) & U64(31)))
    if address & U64(size - 1) != U64(0):
        reason = LOAD_MISALIGNED if operation == LR else STORE_MISALIGNED
        leave(frame, reason, pc, address)
        return True
    offset = address - get(frame, RAM_BASE)
    if offset >= get(frame, RAM_SIZE):
        leave(frame, ATOMIC_ACCESS, pc, address)
        return True
    if operation == LR:
        result = load_reserved(frame, pc, word, address, size)
    elif operation == SC:
        result = store_conditional(frame, pc, word, address, size)
    else:
        result = read_modify_write(frame, pc, operation - FIRST_AMO, word, address, size)
    target = (word >> U64(7)) & U64(31)
    if target != U64(0):
        write_register(frame, U64(X0) + target, result)
    return True


@cfunc(types.void(types.uint64, types.uint32, types.uint64), cache=True)
def on_exception(_engine, _number, frame):
    """An instruction left to the host, or an illegal one; Unicorn has added 4 to pc."""
    pc = read_register(frame, PC) - U64(4)
    word = instruction_at(frame, pc)
    major, function = word & U64(0x7F), (word >> U64(12)) & U64(7)
    if major == U64(0x2F) and run_atomic(frame, pc, word):
        return
    if major == U64(0x0F) and function == U64(0):
        host.full_fence()
        return
    leave(frame, SYSTEM, pc, word)


@cfunc(types.boolean(types.uint64, types.uint64), cache=True)
def on_breakpoint(_engine, frame):
    """An ebreak; Unicorn leaves pc on it, and takes True for: it has been dealt with."""
    pc = read_register(frame, PC)
    leave(frame, SYSTEM, pc, instruction_at(frame, pc))
    return True


@cfunc(types.void(types.uint64), cache=True)
def spill_integer(frame):
    """Copy the integer registers to the hart state."""
    hart = get(frame, HART)
    for number in range(1, 32):
        host.store64(hart + U64(at.X + 8 * number), read_register(frame, U64(X0 + number)))


@cfunc(types.void(types.uint64), cache=True)
def spill_float(frame):
    """Copy the floating-point registers and fcsr to the hart state."""
    hart = get(frame, HART)
    for number in range(32):
        host.store64(hart + U64(at.F + 8 * number), read_register(frame, U64(F0 + number)))
    host.store64(hart + U64(at.FCSR), read_register(frame, U64(FCSR)))


@cfunc(types.void(types.uint64), cache=True)
def fill(frame):
    """Take all registers from the hart state."""
    hart = get(frame, HART)
    for number in range(1, 32):
        write_register(frame, U64(X0 + number), host.load64(hart + U64(at.X + 8 * number)))
    for number in range(32):
        write_register(frame, U64(F0 + number), host.load64(hart + U64(at.F + 8 * number)))
    write_register(frame, U64(FCSR), host.load64(hart + U64(at.FCSR)))


@cfunc(
    types.void(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64, types.uint64),
    cache=True,
)
def observe(frame, pc, address, size, value, write):
    """`observe_access`, for accesses that the host made in Python."""
    observe_access(frame, pc, address, size, value, write)
