"""What is done natively with kept code: to find what fits a page, and to put it in place.

Each is a C function made by numba; `words` is a host address, see `layout.KeptWord`. Nothing here
allocates, or calls into Python. The definition of what fits is `kept_code.fits`.
"""

from numba import cfunc, njit, types

from mttcg.engine.llvm.arena_layout import (
    ALIGNMENT,
    HEADER,
    INDEX_AT,
    KEY_BIT,
    KEY_MASK,
    KEY_STEP,
    MOST_ROWS,
    PLACES_BYTES,
    ROW,
    ROWS,
)
from mttcg.engine.llvm.kept.layout import FIRSTS, KeptWord
from mttcg.engine.llvm.kept.native_words import (
    CODE_AT,
    COUNT,
    EIGHT,
    ENTRIES,
    ENTRY_COUNT,
    FIXUP_ADDEND,
    FIXUP_BYTES,
    FIXUP_COUNT,
    FIXUP_SIZE,
    FIXUP_SYMBOL,
    FIXUPS,
    HALVES_AT,
    ONE,
    PLACES_AT,
    SIZE,
    TAIL,
    TWO,
    ZERO,
    content_at,
    function_row,
)
from mttcg.engine.tracking.words import PLACES as SLOT_PLACES
from mttcg.engine.tracking.words import SLOT_STRIDE
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE_SHIFT
from mttcg.native import host
from mttcg.native.words import U64, get, put
from mttcg.tbcache.layout import MET_BYTES
from mttcg.tbcache.predecoded import OWN_HANDLERS, RECORD_BYTES

SIX, PLACE_BITS = U64(6), U64(63)
"""Of a place's number: how many places a word has a bit for."""
IN_FIRSTS = {name: U64(place) for name, (_, place, *_) in (FIRSTS.fields or {}).items()}
FIRST_WINDOW, FIRST_MASK = IN_FIRSTS["window"], IN_FIRSTS["mask"]
FIRST_NUMBER = IN_FIRSTS["number"]
FIRSTS_BYTES = U64(FIRSTS.itemsize)
HEADER_AT = {name: U64(place) for name, (_, place, *_) in (HEADER.fields or {}).items()}
USED, IN_USE, REGION = HEADER_AT["used"], HEADER_AT["rows"], HEADER_AT["region"]
SEQUENCE, WRITTEN = HEADER_AT["sequence"], HEADER_AT["written"]
KEPT_FUNCTIONS, KEPT_BYTES = HEADER_AT["kept_functions"], HEADER_AT["kept_bytes"]
SLOT_TAIL, SLOT_GENERATION = SLOT_PLACES["tail"], SLOT_PLACES["generation"]
SLOT_TABLE_STEP = U64(8 * HALVES)
"""From the number of a slot to that of its table, see `translate.numbers_of_slot`."""
INDEX, INDEX_ROWS, ROW_BYTES = U64(INDEX_AT), U64(ROWS), U64(ROW.itemsize)
IN_FRONT, ALIGNED = U64(PLACES_BYTES), U64(ALIGNMENT - 1)
MASK_OF_KEYS, BIT_OF_KEYS, STEP_OF_KEYS = U64(KEY_MASK), U64(KEY_BIT), U64(KEY_STEP)
RECORD, OWN = U64(RECORD_BYTES), U64(OWN_HANDLERS)


@njit(cache=True)
def begins_like(first, page):
    """Whether a page has the first halves of a function."""
    there = host.read64(page + host.read64(first + FIRST_WINDOW))
    return there & host.read64(first + FIRST_MASK) == host.read64(first + FIRST_NUMBER)


@njit(cache=True)
def fits(words, row, page, tail):
    """Whether a page has all that a function is made from; tail: what the next page has."""
    wanted = host.read64(row + TAIL)
    if wanted != ~ZERO and wanted != tail:
        return False
    places, halves = content_at(words, row, PLACES_AT), content_at(words, row, HALVES_AT)
    for number in range(host.read64(row + COUNT)):
        at = TWO * U64(number)
        if host.load16(page + TWO * host.load16(places + at)) != host.load16(halves + at):
            return False
    return True


@njit(cache=True)
def mark(words, row):
    """Set the bits of the places that a function is made from, in WITHIN, and no others."""
    within = get(words, KeptWord.WITHIN)
    for number in range(MET_BYTES // 8):
        host.store64(within + EIGHT * U64(number), ZERO)
    places = content_at(words, row, PLACES_AT)
    for number in range(host.read64(row + COUNT)):
        place = host.load16(places + TWO * U64(number))
        at = within + EIGHT * (place >> SIX)
        host.store64(at, host.read64(at) | ONE << (place & PLACE_BITS))


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64, types.uint64))
def find(words, slot, generation, first, count):
    """The functions that fit a slot, of `count` from `first`, to FOUND; how many they are.

    What they are made from is kept from then on. Under the block cache's lock.
    """
    slot_row = get(words, KeptWord.SLOTS) + slot * SLOT_STRIDE
    if host.load32(slot_row + SLOT_GENERATION) != generation:
        return ZERO
    page = get(words, KeptWord.ORIGINAL) + (slot << U64(PAGE_SHIFT))
    tail, found = host.load32(slot_row + SLOT_TAIL), ZERO
    firsts = get(words, KeptWord.FIRSTS)
    within = get(words, KeptWord.WITHIN)
    kept = get(words, KeptWord.KEPT) + slot * U64(MET_BYTES)
    for number in range(first, first + count):
        if not begins_like(firsts + U64(number) * FIRSTS_BYTES, page):
            continue
        row = function_row(words, U64(number))
        if not fits(words, row, page, tail):
            continue
        host.store64(get(words, KeptWord.FOUND) + EIGHT * found, U64(number))
        found += ONE
        mark(words, row)
        for word in range(MET_BYTES // 8):
            at = EIGHT * U64(word)
            host.store64(kept + at, host.read64(kept + at) | host.read64(within + at))
    return found


@njit(cache=True)
def key_of(first_key, entry):
    """As `PageVersion.key`."""
    return entry * STEP_OF_KEYS + first_key & MASK_OF_KEYS | BIT_OF_KEYS


@njit(cache=True)
def index_row(words, key):
    """Address of the index's row that has a key, or of a free one for it."""
    index, at = get(words, KeptWord.MEMORY) + INDEX, key % INDEX_ROWS
    while True:
        row = index + at * ROW_BYTES
        there = host.load64(row)
        if there in (key, ZERO):
            return row
        at = (at + ONE) % INDEX_ROWS


@njit(cache=True)
def publish(words, key, offset):
    """Make code known under a key, as `Arena.publish`, where there is room."""
    row, header = index_row(words, key), get(words, KeptWord.MEMORY)
    host.store64(row + EIGHT, offset)
    if host.load64(row) == ZERO:
        host.store64(row, key)
        host.store64(header + IN_USE, host.read64(header + IN_USE) + ONE)


@njit(cache=True)
def fix(words, row, code, slot):
    """Put the numbers of a slot into placed code, as `Relocatable.placed`."""
    fixup = content_at(words, row, FIXUPS)
    number, copy = words + EIGHT * U64(KeptWord.NUMBER), get(words, KeptWord.COPY)
    for _ in range(host.read64(row + FIXUP_COUNT)):
        host.call_copy(copy, number, fixup, FIXUP_SIZE)
        place = host.load32(number)
        host.call_copy(copy, number, fixup + FIXUP_ADDEND, FIXUP_SIZE)
        addend = host.load32(number)
        host.call_copy(copy, number, fixup + FIXUP_SYMBOL, FIXUP_SIZE)
        value = slot if host.load32(number) == ZERO else slot * SLOT_TABLE_STEP
        put(words, KeptWord.NUMBER, value + addend)
        host.call_copy(copy, code + place, number, FIXUP_SIZE)
        fixup += FIXUP_BYTES


@njit(cache=True)
def put_one(words, row, slot, first_key, codes):
    """Put a function in the arena and make it known, as `Arena.put` does; whether there is room.

    codes: of each place in the page, its code: it gets that of the function's entries.
    """
    memory, size = get(words, KeptWord.MEMORY), host.read64(row + SIZE)
    whole = IN_FRONT + (size + ALIGNED & ~ALIGNED)
    start, entries = host.read64(memory + USED), host.read64(row + ENTRY_COUNT)
    bytes_of_region = get(words, KeptWord.REGION_BYTES)
    ends = get(words, KeptWord.REGIONS) + (host.read64(memory + REGION) + ONE) * bytes_of_region
    if start + whole > ends or host.read64(memory + IN_USE) + entries > U64(MOST_ROWS):
        return False
    mark(words, row)
    copy, code = get(words, KeptWord.COPY), memory + start + IN_FRONT
    host.call_copy(copy, memory + start, get(words, KeptWord.WITHIN), IN_FRONT)
    host.call_copy(copy, code, content_at(words, row, CODE_AT), size)
    fix(words, row, code, slot)
    host.store64(memory + USED, start + whole)
    host.store64(memory + WRITTEN, host.read64(memory + WRITTEN) + whole)
    where = content_at(words, row, ENTRIES)
    for number in range(entries):
        entry = host.load16(where + TWO * U64(number))
        publish(words, key_of(first_key, entry), start + IN_FRONT)
        place = codes + EIGHT * (entry >> ONE)
        host.store64(place, get(words, KeptWord.CODE) + start + IN_FRONT)
    host.store64(memory + KEPT_FUNCTIONS, host.read64(memory + KEPT_FUNCTIONS) + ONE)
    host.store64(memory + KEPT_BYTES, host.read64(memory + KEPT_BYTES) + size)
    return True


@cfunc(types.uint64(*(types.uint64,) * 6))
def put_found(words, done, count, slot, first_key, codes):
    """Put what was found in the arena, from number `done`; the first for which there is no room.

    first_key: of the version, see `PageVersion.keys`. codes: see `put_one`. Under the arena's lock.
    """
    found = get(words, KeptWord.FOUND)
    while done < count:
        row = function_row(words, host.read64(found + EIGHT * done))
        if not put_one(words, row, slot, first_key, codes):
            return done
        done += ONE
    return done


@cfunc(types.void(types.uint64, types.uint64, types.uint64))
def put_codes(words, first_key, codes):
    """The addresses of the code of a version to its places in `codes`; others stay as they are.

    None are told while rows are being removed, as of `Arena.addresses`.
    """
    memory, executable = get(words, KeptWord.MEMORY), get(words, KeptWord.CODE)
    sequence = host.load64(memory + SEQUENCE)
    for number in range(HALVES):
        key = key_of(first_key, TWO * U64(number))
        row = index_row(words, key)
        if host.load64(row) == key:
            code = executable + host.load64(row + EIGHT)
            if sequence & ONE == ZERO and host.load64(memory + SEQUENCE) == sequence:
                host.store64(codes + EIGHT * U64(number), code)


@cfunc(types.void(types.uint64, types.uint64, types.uint64))
def begin_in_code(words, records, codes):
    """Have the blocks of a page begin in their code, where `codes` has some.

    As `PredecodedPages.replace_handler`, for each, once there is a record.
    """
    empty, translated = get(words, KeptWord.EMPTY), get(words, KeptWord.TRANSLATED)
    straddling = get(words, KeptWord.STRADDLING)
    for number in range(HALVES):
        place = U64(number)
        if host.read64(codes + EIGHT * place) == ZERO:
            continue
        record = records + RECORD * place
        if host.load64(record) == empty:
            host.call_predecode(
                get(words, KeptWord.PREDECODE), records, TWO * place, get(words, KeptWord.FRAME)
            )
        handler = host.load64(record)
        if handler not in (translated, empty, straddling):
            host.store64(records + OWN + EIGHT * place, handler)
            host.store64(record, translated)
