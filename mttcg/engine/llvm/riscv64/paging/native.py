"""C functions of address translation, called by handlers and by Python; made by numba.

`hart` and `frame` are host addresses. A vCPU's rows are its own: nobody else reads or writes them.
"""

from numba import cfunc, njit, types

from mttcg.engine.llvm.address_rows import (
    ACCESS_SHIFT,
    DATA_MASK,
    DATA_SHIFT,
    DATA_TABLE_BYTES,
    DISTANCE,
    FETCH_MASK,
    FETCH_SHIFT,
    FETCH_TABLE_BYTES,
    INTO_TABLE,
    MOST_FILLED,
    PLACE,
    READ_TAG,
    TAG,
    WRITE_TAG,
    TranslationOutcome,
)
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.observed_layout import CHECKED
from mttcg.engine.llvm.riscv64.paging.context import follow_context
from mttcg.engine.llvm.riscv64.paging.contexts import (
    FETCH_TABLES,
    TABLES_BYTES,
    DataContext,
    FetchContext,
)
from mttcg.engine.llvm.riscv64.paging.guard import ALL, SPLIT, allowed, find_open, is_open, may
from mttcg.engine.llvm.riscv64.paging.walk import (
    ACCESS_FAULT,
    BITS,
    FETCH,
    RAM,
    STORE,
    effective_privilege,
    is_translated,
    permits,
    translate_page,
)
from mttcg.engine.llvm.riscv64.paging.words import (
    EIGHT,
    LAST,
    MSTATUS,
    ONE,
    PAGE_BYTES,
    PRIVILEGE,
    SHIFT,
    U64,
    ZERO,
    host_of,
    is_at_device,
    is_in_ram,
)
from mttcg.engine.tracking.given_up import fetch_unused
from mttcg.engine.tracking.versions import SEEN as SEEN_AT
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR
from mttcg.isa.riscv64.protection import EXECUTE, READ, WRITE
from mttcg.isa.riscv64.status import MSTATUS_MXR, MSTATUS_SUM
from mttcg.isa.riscv64.translation import DIRTY, AccessKind
from mttcg.native import host
from mttcg.native.words import get, put
from mttcg.state.vcpu_state import FENCE_CODE, VcpuState
from mttcg.state.words import offsets_of
from mttcg.tbcache.changes import GIVEN_UP, OBSERVED
from mttcg.tbcache.layout import SLOT
from mttcg.tbcache.predecoded import SLOT_AT

_OFFSET = offsets_of(VcpuState)
ASKED, BEGUN, DONE = (
    U64(_OFFSET[name]) for name in ("fences_asked", "fences_begun", "fences_done")
)
LOAD = U64(AccessKind.LOAD)
DEVICE, CROSSES, MISS = (
    U64(one)
    for one in (TranslationOutcome.DEVICE, TranslationOutcome.CROSSES, TranslationOutcome.MISS)
)
CODE = U64(FENCE_CODE)
GIVEN_UP_PAGE, OBSERVED_PAGE = U64(GIVEN_UP), U64(OBSERVED)
SLOT_BYTES = U64(SLOT.itemsize)


@njit(cache=True)
def note_filled(frame, row):
    """Have a row emptied with all others."""
    count = get(frame, Word.FILLED_COUNT)
    if count < U64(MOST_FILLED):
        host.store64(get(frame, Word.FILLED) + count * EIGHT, row)
        put(frame, Word.FILLED_COUNT, count + ONE)


@njit(cache=True)
def note_large(frame, address, level):
    """Remember that a row is a part of what one larger leaf translates."""
    if level != ZERO:
        below = SHIFT + BITS * level
        low = address >> below << below
        high = low + (ONE << below) - ONE
        put(frame, Word.LARGE_LOW, min(get(frame, Word.LARGE_LOW), low))
        put(frame, Word.LARGE_HIGH, max(get(frame, Word.LARGE_HIGH), high))


@njit(cache=True)
def rights_of_page(hart, frame, physical, privilege):
    """What protection allows with all of a page, or SPLIT."""
    if is_open(frame, privilege):
        return ALL
    return allowed(hart, physical & ~LAST, PAGE_BYTES, privilege)


@njit(cache=True)
def fill(hart, frame, address, physical, entry, privilege):
    """Fill the row of a page of RAM, as far as it may be accessed as it is now."""
    rights = rights_of_page(hart, frame, physical, privilege)
    if rights == SPLIT:
        return
    tag, translated = address | LAST, is_translated(hart, privilege)
    reads, writes = ZERO, ZERO
    if rights & U64(READ) != ZERO and (not translated or permits(hart, entry, LOAD, privilege)):
        reads = tag
    may_write = rights & U64(WRITE) != ZERO and entry & U64(DIRTY) != ZERO
    if may_write and (not translated or permits(hart, entry, STORE, privilege)):
        writes = tag
    row = get(frame, Word.DATA_ROWS) + (address >> U64(DATA_SHIFT) & U64(DATA_MASK))
    host.store64(row + U64(READ_TAG), reads)
    host.store64(row + U64(WRITE_TAG), writes)
    host.store64(row + U64(DISTANCE), physical - address)
    note_filled(frame, row)


@njit(cache=True)
def translate_part(hart, frame, address, size, access):
    """An access within a page."""
    privilege = effective_privilege(hart, access)
    outcome, physical, entry, level = translate_page(hart, frame, address, access, privilege)
    if outcome == RAM:
        asked = U64(WRITE) if access == STORE else U64(READ)
        if not may(hart, frame, physical, size, asked, privilege):
            outcome = ACCESS_FAULT
    if outcome != RAM:
        put(frame, Word.EXIT_DETAIL, address)
        return outcome
    put(frame, Word.PHYSICAL, physical)
    if not is_in_ram(frame, physical, size) or is_at_device(frame, physical):
        return DEVICE
    note_large(frame, address, level)
    if is_in_ram(frame, physical & ~LAST, PAGE_BYTES):
        fill(hart, frame, address, physical, entry, privilege)
    return RAM


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def translate(hart, frame, address, what):
    """Translate a load or store; its size, and above ACCESS_SHIFT its kind, are in `what`."""
    size, access = what & U64((1 << ACCESS_SHIFT) - 1), what >> U64(ACCESS_SHIFT)
    inside = PAGE_BYTES - (address & LAST)
    if size <= inside:
        return translate_part(hart, frame, address, size, access)
    outcome = translate_part(hart, frame, address, inside, access)
    if outcome <= DEVICE:
        outcome = translate_part(hart, frame, address + inside, size - inside, access)
    return CROSSES if outcome <= DEVICE else outcome


@njit(cache=True)
def translate_fetch(hart, frame, pc):
    """Translate where code is; what came of it, the physical address and the leaf's level."""
    privilege = host.read64(hart + PRIVILEGE)
    outcome, physical, _, level = translate_page(hart, frame, pc, FETCH, privilege)
    if outcome == RAM and not (
        is_in_ram(frame, physical, U64(2))
        and may(hart, frame, physical, U64(2), U64(EXECUTE), privilege)
    ):
        outcome = ACCESS_FAULT
    return outcome, physical, level


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64))
def fetch_half(hart, frame, address):
    """Read the end of an instruction, which begins in the page before.

    Any hart may write there; what a fetch sees without fence.i may be old or new.
    """
    outcome, physical, _ = translate_fetch(hart, frame, address)
    if outcome == RAM:
        put(frame, Word.FETCHED_HALF, host.load16(host_of(frame, physical)))
    return outcome


@njit(cache=True)
def note_seen(frame, records, start):
    """As `BlockCache.see`, of the version that a page's records are of."""
    slot = host.read64((records & ~OBSERVED_PAGE) + U64(SLOT_AT))
    seen = get(frame, Word.SLOTS) + slot * SLOT_BYTES + SEEN_AT
    if host.load64(seen) != start + ONE:  # other vCPUs may read and write it
        host.store64(seen, start + ONE)


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def check_fetch(hart, frame, pc, length):
    """Whether an instruction can be fetched, as far as it is in the page of the pc."""
    outcome, _, _ = translate_fetch(hart, frame, pc)
    if outcome == RAM and length > U64(2) and pc & LAST < LAST - ONE:
        pc += U64(2)
        outcome, _, _ = translate_fetch(hart, frame, pc)
    if outcome != RAM:
        put(frame, Word.EXIT_DETAIL, pc)
    return outcome


@njit(cache=True)
def is_split(hart, frame, physical):
    """Whether protection differs within a page, at the level at which code is fetched."""
    return rights_of_page(hart, frame, physical, host.read64(hart + PRIVILEGE)) == SPLIT


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64))
def splits_code(hart, frame, physical):
    """See `AddressTranslation.splits_code`."""
    return U64(is_split(hart, frame, physical))


@njit(cache=True)
def is_checked(records):
    """Whether the records of a page look at each instruction's protection."""
    if records & OBSERVED_PAGE == ZERO:
        return False
    return host.read64(records - OBSERVED_PAGE + U64(CHECKED)) != ZERO


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64))
def fetch(hart, frame, pc):
    """Translate where code is, and fill the row of its page if the vCPU has entered that."""
    outcome, physical, level = translate_fetch(hart, frame, pc)
    if outcome != RAM:
        put(frame, Word.EXIT_DETAIL, pc)
        return outcome
    put(frame, Word.PHYSICAL, physical)
    page = (physical - get(frame, Word.RAM)) >> SHIFT
    place = get(frame, Word.PAGES) + page * EIGHT
    if get(frame, Word.FETCHED_BY_HOST) != ZERO:
        place = get(frame, Word.SEEN) + page * EIGHT
        if host.read64(get(frame, Word.SEEN_AT) + page * EIGHT) != pc & ~LAST:
            return MISS
    records = host.read64(place)
    if records == GIVEN_UP_PAGE and fetch_unused(get(frame, Word.FETCH_ARGUMENT), page, pc):
        records = host.read64(place)
    if records <= GIVEN_UP_PAGE:
        return MISS
    if is_split(hart, frame, physical) and not is_checked(records):
        return MISS
    note_seen(frame, records, pc & ~LAST)
    note_large(frame, pc, level)
    row = get(frame, Word.FETCH_ROWS) + (pc >> U64(FETCH_SHIFT) & U64(FETCH_MASK))
    host.store64(row + U64(TAG), pc | LAST)
    host.store64(row + U64(PLACE), place)
    host.store64(row + U64(INTO_TABLE), page * EIGHT)
    note_filled(frame, row)
    return RAM


@njit(cache=True)
def choose_data(hart, frame):
    """Have handlers use the rows for data that belong to the hart's level, and its window."""
    privilege = effective_privilege(hart, LOAD)
    status = host.read64(hart + MSTATUS)
    window = ZERO
    if is_translated(hart, privilege):
        table = U64(status & U64(MSTATUS_MXR) != ZERO)
        if privilege == U64(SUPERVISOR):
            table += U64(DataContext.SUPERVISOR)
            table += U64(2) * U64(status & U64(MSTATUS_SUM) != ZERO)
        else:
            table += U64(DataContext.USER)
    else:
        is_machine = privilege == U64(MACHINE)
        table = U64(DataContext.MACHINE) if is_machine else U64(DataContext.LOWER)
        if is_open(frame, privilege):
            window = get(frame, Word.PLAIN_BYTES)
    put(frame, Word.WINDOW_BYTES, window)
    put(frame, Word.DATA_ROWS, get(frame, Word.TABLES) + table * U64(DATA_TABLE_BYTES))


@njit(cache=True)
def choose_fetch(hart, frame):
    """The same for fetches; code is of one kind, so there is a window if there is one for data."""
    privilege = host.read64(hart + PRIVILEGE)
    window = ZERO
    if is_translated(hart, privilege):
        is_supervisor = privilege == U64(SUPERVISOR)
        table = U64(FetchContext.SUPERVISOR) if is_supervisor else U64(FetchContext.USER)
    else:
        is_machine = privilege == U64(MACHINE)
        table = U64(FetchContext.MACHINE) if is_machine else U64(FetchContext.LOWER)
        if is_open(frame, privilege) and get(frame, Word.WINDOW_BYTES) != ZERO:
            window = get(frame, Word.RAM_BYTES)
    first = get(frame, Word.TABLES) + U64(FETCH_TABLES)
    put(frame, Word.FETCH_BYTES, window)
    put(frame, Word.FETCH_ROWS, first + table * U64(FETCH_TABLE_BYTES))


@cfunc(types.void(types.uint64, types.uint64))
def follow(hart, frame):
    """Follow the hart's level, mstatus and satp; its counts are as they were until then."""
    choose_data(hart, frame)
    choose_fetch(hart, frame)
    follow_context(hart, frame)


@njit(cache=True)
def empty_all(frame):
    """Empty all rows."""
    count, clear = get(frame, Word.FILLED_COUNT), get(frame, Word.CLEAR)
    if count == U64(MOST_FILLED):
        host.call_fill(clear, get(frame, Word.TABLES), ZERO, U64(TABLES_BYTES))
    else:
        filled, number = get(frame, Word.FILLED), ZERO
        while number < count:
            row = host.read64(filled + number * EIGHT)
            host.store64(row, ZERO)  # both tags of data; tag and place of a fetch
            host.store64(row + EIGHT, ZERO)
            number += ONE
    put(frame, Word.FILLED_COUNT, ZERO)
    put(frame, Word.LARGE_LOW, ~ZERO)
    put(frame, Word.LARGE_HIGH, ZERO)
    host.full_fence()  # who fences a space, and sees satp as it was, does not ask this hart


@njit(cache=True)
def empty_page(frame, address):
    """Empty the rows of a page in all tables; what else is of another page is lost with it."""
    row = get(frame, Word.TABLES) + (address >> U64(DATA_SHIFT) & U64(DATA_MASK))
    for _ in range(DataContext.COUNT):
        host.store64(row + U64(READ_TAG), ZERO)
        host.store64(row + U64(WRITE_TAG), ZERO)
        row += U64(DATA_TABLE_BYTES)
    row = get(frame, Word.TABLES) + U64(FETCH_TABLES)
    row += address >> U64(FETCH_SHIFT) & U64(FETCH_MASK)
    for _ in range(FetchContext.COUNT):
        host.store64(row + U64(TAG), ZERO)
        row += U64(FETCH_TABLE_BYTES)


@cfunc(types.void(types.uint64))
def fence(frame):
    """Drop all that is kept of translations."""
    empty_all(frame)


@cfunc(types.void(types.uint64, types.uint64))
def fence_address(frame, address):
    """Drop what is kept of an address; of a part of something larger, all."""
    if get(frame, Word.LARGE_LOW) <= address <= get(frame, Word.LARGE_HIGH):
        empty_all(frame)
    else:
        empty_page(frame, address)


@cfunc(types.void(types.uint64, types.uint64))
def protect(hart, frame):
    """Follow protection, which may have changed, and all that `follow` follows."""
    find_open(hart, frame)
    empty_all(frame)
    choose_data(hart, frame)
    choose_fetch(hart, frame)


@cfunc(types.uint64(types.uint64, types.uint64))
def serve(hart, frame):
    """Do the fences that others asked for; 1 if the host has to, as code is to be fetched anew.

    Others set bits of the word at any time. What is dropped is so after the word was cleared.
    """
    host.full_fence()  # who asks and sees that the vCPU sleeps does not wait: it has not looked yet
    asked = host.load64(hart + ASKED)
    if asked == ZERO:
        return ZERO
    if asked & CODE != ZERO:
        return ONE
    begun = host.read64(hart + BEGUN) + ONE
    host.store64(hart + BEGUN, begun)
    asked = host.swap64(hart + ASKED, ZERO)
    empty_all(frame)
    if asked & CODE != ZERO:  # it came just now
        host.or64(hart + ASKED, CODE)
        return ONE
    host.store64(hart + DONE, begun)
    return ZERO
