"""The hooks per block, instruction and access."""

import numpy as np
from numba import cfunc, njit, types

from mttcg.engine.unicorn import frame as at
from mttcg.engine.unicorn.frame import Reason, Word
from mttcg.engine.unicorn.hooks import (
    bump,
    get,
    is_plain,
    leave,
    observe_access,
    observe_order,
    put,
    read_register,
    run_rows,
    run_site,
)
from mttcg.engine.unicorn.riscv64.look_up import destination_and_way, instruction_at
from mttcg.engine.unicorn.riscv64.numbers import F0, PC, X0
from mttcg.instrument import events
from mttcg.isa.facts import FLOATS
from mttcg.isa.riscv64.table.integer import TOTAL_STORE_ORDER
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native import host

U64 = np.uint64
HART = int(Word.HART)
RAM, RAM_BASE = int(Word.RAM), int(Word.RAM_BASE)
PAGE_SLOT = int(Word.PAGE_SLOT)
PAGE_ENTRIES = int(Word.PAGE_ENTRIES)
EXIT = int(Word.EXIT)
PIECE_PC, RESUME_PC = int(Word.PIECE_PC), int(Word.RESUME_PC)
PASSED_PC = int(Word.PASSED_PC)
EVERY_BLOCK, EVERY_INSTRUCTION = int(Word.EVERY_BLOCK), int(Word.EVERY_INSTRUCTION)
EVERY_ORDER = int(Word.EVERY_ORDER)
EVERY_RETIRED, EVERY_TABLE = int(Word.EVERY_RETIRED), int(Word.EVERY_TABLE)
PENDING_PC, PENDING_WORD = int(Word.PENDING_PC), int(Word.PENDING_WORD)
BLOCK_SITES, INSTRUCTION_SITES = int(Word.BLOCK_SITES), int(Word.INSTRUCTION_SITES)
REQUESTED, NEW_PIECE = int(Reason.REQUEST), int(Reason.NEW_PIECE)
NONE = int(Reason.NONE)
UC_MEM_WRITE = 17
FENCE = events.FENCE


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
    register, way = destination_and_way(word, target - pc)
    value = U64(0)
    if register >= U64(FLOATS):
        value = read_register(frame, U64(F0 - FLOATS) + register)
    elif register != U64(0):
        value = read_register(frame, U64(X0) + register)
    what = word | (register << U64(32)) | way
    retired = host.load64(get(frame, HART) + U64(at.INSTRUCTIONS))
    run_rows(get(frame, EVERY_RETIRED), count, pc, what, value, target, retired)


@cfunc(types.void(types.uint64, types.uint64))
def retire_pending(frame, target):
    """`retire`, for the engine when control has left what can be fetched."""
    retire(frame, target)


@cfunc(types.void(types.uint64, types.uint64, types.uint32, types.uint64))
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
def observe_fence(frame, pc):
    """Tell those who want order if this instruction is a fence."""
    word = instruction_at(frame, pc)
    if word & U64(0x707F) == U64(0x0F):
        sets = (word >> U64(20)) & U64(0xFFF)
        if sets != U64(TOTAL_STORE_ORDER):
            sets = sets & U64(0xFF)
        observe_order(frame, pc, U64(0), U64(0), sets, U64(FENCE))


@njit(cache=True)
def run_before(frame, pc, size):
    """Run the plan's operations for an instruction that is about to run."""
    operations = get(frame, EVERY_INSTRUCTION + 1)
    if operations != U64(0):
        rows = get(frame, EVERY_INSTRUCTION)
        run_rows(rows, operations, pc, U64(size), U64(0), U64(0), U64(0))
    table = get(frame, INSTRUCTION_SITES)
    if table != U64(0):
        run_site(frame, table, pc, pc, U64(size), U64(0), U64(0), U64(0))
    if get(frame, EVERY_ORDER + 1) != U64(0):
        observe_fence(frame, pc)


@cfunc(types.void(types.uint64, types.uint64, types.uint32, types.uint64))
def on_instruction(_engine, pc, size, frame):
    """Before an instruction: run the plan's operations for it."""
    if get(frame, EXIT) != U64(NONE):
        return
    retire(frame, pc)
    if get(frame, PASSED_PC) == pc:
        put(frame, PASSED_PC, U64(at.NOWHERE))
    else:
        run_before(frame, pc, size)
    if get(frame, EVERY_RETIRED + 1) | get(frame, EVERY_TABLE + 1) != U64(0):
        put(frame, PENDING_WORD, instruction_at(frame, pc))
        put(frame, PENDING_PC, pc)


@cfunc(
    types.void(types.uint64, types.int32, types.uint64, types.int32, types.int64, types.uint64),
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
