"""Changed pages are entered natively, as `BlockCache.enter_page` does it in Python.

All of it runs under the block cache's lock.
"""

from numba import njit

from mttcg.engine.tracking.layout import MOST_VERSIONS, QUIET, VERIFIED, TrackingWord
from mttcg.engine.tracking.words import (
    EIGHT,
    NUMBER_BYTES,
    ONE,
    PAGE_BYTES,
    PLACES,
    SHIFT,
    TAIL,
    U64,
    ZERO,
    content_of,
    has_tail,
    own_row_of,
    slot_of,
    slot_row,
)
from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.page import PAGE
from mttcg.native import host
from mttcg.native.words import get
from mttcg.tbcache.layout import HASH_FACTOR, HASH_STEP, MET_BYTES
from mttcg.tbcache.predecoded import (
    GENERATION_BYTES,
    HANDLERS_AT,
    OWN_HANDLERS,
    RECORD_BYTES,
    SLOT_AT,
)
from mttcg.tbcache.predecoded import PAGE_BYTES as PREDECODED_PAGE

PAGE_AT, HASH, OLDER = PLACES["page"], PLACES["hash"], PLACES["older"]
AGE, GENERATION, USERS = PLACES["age"], PLACES["generation"], PLACES["users"]
SEEN = PLACES["seen"]
INDEX_BYTES, MET_STRIDE = U64(4 * HALVES), U64(MET_BYTES)


@njit(cache=True)
def hash_of(content):
    """As `cache.hash_of`."""
    total, factor = ZERO, U64(HASH_FACTOR)
    for place in range(PAGE // 8):
        total += host.read64(content + U64(place) * EIGHT) * factor
        factor += U64(HASH_STEP)
    return total


@njit(cache=True)
def newest_of(words, page):
    """Address of the number of a page's newest version."""
    return get(words, TrackingWord.NEWEST) + page * NUMBER_BYTES


@njit(cache=True)
def find_version(words, page, content, digest, tail):
    """The number of the slot, plus one, that has some content of a page; 0 if there is none."""
    link = host.load32(newest_of(words, page))
    while link != ZERO:
        row = slot_row(words, link - ONE)
        if host.read64(row + HASH) == digest and host.load32(row + TAIL) == tail:
            original = content_of(words, link - ONE)
            compare = get(words, TrackingWord.COMPARE)
            if host.call_compare(compare, original, content, PAGE_BYTES) == 0:
                return link
        link = host.load32(row + OLDER)
    return ZERO


@njit(cache=True)
def clear(words, address, size):
    """Zero some memory."""
    host.call_fill(get(words, TrackingWord.FILL), address, ZERO, size)


@njit(cache=True)
def take_unused(words, page):
    """The oldest version that nobody fetches, of a page that has many, taken out of its chain."""
    count, before, chosen, chosen_before = ZERO, ZERO, ZERO, ZERO
    link = host.load32(newest_of(words, page))
    while link != ZERO:
        row = slot_row(words, link - ONE)
        count += ONE
        if before != ZERO and host.read64(row + USERS) == ZERO:  # the newest has the page's age
            chosen, chosen_before = link, before
        before, link = link, host.load32(row + OLDER)
    if count < U64(MOST_VERSIONS) or chosen == ZERO:
        return ZERO
    slot = chosen - ONE
    older = host.load32(slot_row(words, slot) + OLDER)
    host.store32(slot_row(words, chosen_before - ONE) + OLDER, older)
    clear(words, get(words, TrackingWord.INDEX) + slot * INDEX_BYTES, INDEX_BYTES)
    clear(words, get(words, TrackingWord.MET) + slot * MET_STRIDE, MET_STRIDE)
    clear(words, get(words, TrackingWord.KEPT) + slot * MET_STRIDE, MET_STRIDE)
    return chosen


@njit(cache=True)
def take_slot(words, page):
    """A slot for a new version, its number plus one; 0 if Python has to find one."""
    number = take_unused(words, page)
    if number != ZERO:
        return number
    header = get(words, TrackingWord.SLOT_COUNT)
    count = host.read64(header)
    if count >= U64(SLOTS):
        return ZERO
    host.store64(header, count + ONE)
    return count + ONE


@njit(cache=True)
def make_version(words, page, content, digest, tail):
    """Put content into a slot for it; its number plus one, or 0."""
    number = take_slot(words, page)
    if number == ZERO:
        return ZERO
    slot, copy = number - ONE, get(words, TrackingWord.COPY)
    host.call_copy(copy, content_of(words, slot), content, PAGE_BYTES)
    fetched = get(words, TrackingWord.FETCHED) + (slot << SHIFT)
    host.call_copy(copy, fetched, content, PAGE_BYTES)
    row, newest = slot_row(words, slot), host.load32(newest_of(words, page))
    age, seen = ZERO, ZERO
    if newest != ZERO:
        before = slot_row(words, newest - ONE)
        age, seen = host.load32(before + AGE) + ONE, host.load64(before + SEEN)
    host.store64(row + SEEN, seen)
    host.store32(row + PAGE_AT, page)
    host.store32(row + TAIL, tail)
    host.store64(row + HASH, digest)
    host.store32(row + OLDER, newest)
    host.store32(row + AGE, age)
    host.store32(row + GENERATION, host.load32(row + GENERATION) + ONE)
    host.store64(row + USERS, ZERO)
    host.store32(newest_of(words, page), number)  # it is known from here on
    return number


@njit(cache=True)
def known_blocks(words, slot):
    """How many blocks of a slot are known, see `BlockCache.known_blocks`."""
    index = get(words, TrackingWord.INDEX) + slot * INDEX_BYTES
    met = get(words, TrackingWord.MET) + slot * MET_STRIDE
    count = ZERO
    for half in range(HALVES):
        place = U64(half)
        bit = host.load8(met + (place >> U64(3))) >> (place & U64(7)) & ONE
        count += bit | U64(host.load32(index + place * NUMBER_BYTES) != ZERO)
    return count


@njit(cache=True)
def prepare_records(words, slot):
    """Make a slot's predecoded records those of its content; their address."""
    segment = get(words, TrackingWord.RECORDS)
    records = segment + U64(GENERATION_BYTES) + slot * U64(PREDECODED_PAGE)
    generation = host.load32(slot_row(words, slot) + GENERATION)
    if host.load32(segment + slot * NUMBER_BYTES) != generation:
        copy, blank = get(words, TrackingWord.COPY), get(words, TrackingWord.BLANK)
        host.call_copy(copy, records, blank, U64(OWN_HANDLERS))
        host.store64(records + U64(HANDLERS_AT), get(words, TrackingWord.HANDLERS))
        host.store64(records + U64(SLOT_AT), slot)
        host.store32(segment + slot * NUMBER_BYTES, generation)
    return records


@njit(cache=True)
def follow_jumps(words, page, slot):
    """As `JumpTable.follow`."""
    known = get(words, TrackingWord.JUMP_GENERATIONS) + slot * NUMBER_BYTES
    jumps = get(words, TrackingWord.NO_JUMPS)
    if host.load32(known) == host.load32(slot_row(words, slot) + GENERATION):
        jumps = host.read64(get(words, TrackingWord.SLOT_JUMPS) + slot * EIGHT)
    host.store64(get(words, TrackingWord.JUMPS) + page * EIGHT, jumps)


@njit(cache=True)
def drop_own_records(words, slot):
    """Forget records of a slot that are this vCPU's own: others may change what they are of."""
    if get(words, TrackingWord.SHARED_RECORDS) != ZERO:
        host.store32(get(words, TrackingWord.RECORDS) + slot * NUMBER_BYTES, ZERO)


@njit(cache=True)
def has_shared_records(words, slot):
    """Whether there are records of a slot that this vCPU does not use."""
    shared = get(words, TrackingWord.SHARED_RECORDS)
    if shared == ZERO:
        return False
    generation = host.load32(slot_row(words, slot) + GENERATION)
    return host.load32(shared + slot * NUMBER_BYTES) == generation


@njit(cache=True)
def use_version(words, page, old, slot):
    """Fetch a page from another slot."""
    invalidated, bit = get(words, TrackingWord.INVALIDATED), get(words, TrackingWord.USER)
    host.store64(invalidated, host.load64(invalidated) + known_blocks(words, old))
    users = slot_row(words, old) + USERS
    host.store64(users, host.read64(users) & ~bit)
    drop_own_records(words, old)
    users = slot_row(words, slot) + USERS
    host.store64(users, host.read64(users) | bit)
    host.store32(get(words, TrackingWord.USED) + page * NUMBER_BYTES, slot + ONE)
    own = own_row_of(words, page)
    host.store64(own + U64(VERIFIED), ZERO)
    host.store64(own + U64(QUIET), ZERO)


@njit(cache=True)
def is_made_of(words, slot, records, place):
    """Whether something was made of a word of a slot's content, or of what may end in it."""
    first = place << U64(2)
    kept = get(words, TrackingWord.KEPT) + slot * MET_STRIDE + (first >> U64(3))
    if host.load8(kept) >> (first & U64(7)) & U64(15) != ZERO:
        return True
    empty = host.read64(get(words, TrackingWord.BLANK))
    half = first - ONE if first != ZERO else ZERO
    while half < first + U64(4):
        if host.read64(records + half * U64(RECORD_BYTES)) != empty:
            return True
        half += ONE
    return False


@njit(cache=True)
def update(words, page, slot, records, snapshot):
    """Make a slot's content a page's, where nothing was made of what differs; else False.

    As only this vCPU fetches from the slot, nobody predecodes from it meanwhile.
    """
    row, content = slot_row(words, slot), content_of(words, slot)
    if host.read64(row + USERS) != get(words, TrackingWord.USER):
        return False
    if has_shared_records(words, slot):
        return False
    for number in range(PAGE // 8):
        at = U64(number) * EIGHT
        if host.read64(content + at) != host.read64(snapshot + at) and is_made_of(
            words, slot, records, U64(number)
        ):
            return False
    fetched = get(words, TrackingWord.FETCHED) + (slot << SHIFT)
    total, factor = host.read64(row + HASH), U64(HASH_FACTOR)
    for number in range(PAGE // 8):
        at = U64(number) * EIGHT
        before, now = host.read64(content + at), host.read64(snapshot + at)
        if before != now:
            host.store64(content + at, now)
            host.store64(fetched + at, now)
            total += (now - before) * factor
        factor += U64(HASH_STEP)
    host.store64(row + HASH, total)
    own = own_row_of(words, page)
    host.store64(own + U64(VERIFIED), ZERO)
    host.store64(own + U64(QUIET), ZERO)
    return True


@njit(cache=True)
def take_snapshot(words, page):
    """Copy a page of RAM; what the next page has of its last instruction."""
    snapshot, ram = get(words, TrackingWord.SNAPSHOT), get(words, TrackingWord.RAM)
    place = ram + (page << SHIFT)
    host.call_copy(get(words, TrackingWord.COPY), snapshot, place, PAGE_BYTES)
    if has_tail(words, page, snapshot):
        return host.load16(place + PAGE_BYTES)
    return ZERO


@njit(cache=True)
def find_or_make_version(words, page, tail):
    """The number plus one of the slot with the snapshot; 0 if there is none, and no room."""
    snapshot = get(words, TrackingWord.SNAPSHOT)
    digest = hash_of(snapshot)
    number = find_version(words, page, snapshot, digest, tail)
    return number if number != ZERO else make_version(words, page, snapshot, digest, tail)


@njit(cache=True)
def enter_changed(words, page):
    """Fetch a changed page as it is now; False if Python has to."""
    row = get(words, TrackingWord.PAGE_TABLE) + page * EIGHT
    records = host.read64(row)
    if records == ZERO or records & ONE != ZERO:
        return False
    tail, slot = take_snapshot(words, page), slot_of(words, page)
    snapshot = get(words, TrackingWord.SNAPSHOT)
    if host.load32(slot_row(words, slot) + TAIL) == tail and update(
        words, page, slot, records, snapshot
    ):
        return True
    number = find_or_make_version(words, page, tail)
    if number == ZERO:
        return False
    use_version(words, page, slot, number - ONE)
    host.store64(row, prepare_records(words, number - ONE))
    follow_jumps(words, page, number - ONE)
    return True
