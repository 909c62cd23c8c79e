"""Pages that are not fetched from: fetched when control comes there, given up when they change.

A guest's kernel gives the pages of a program that has ended to others, as data. A page that changes
though nothing was made of its version is not compared any longer, nor given further versions: it is
then as one that was never fetched from. All of it runs under the block cache's lock, under which
nobody waits for another lock, or for a vCPU to come out of native code.
"""

from numba import njit

from mttcg.engine.tracking.layout import LISTED, QUIET, VERIFIED, TrackingWord
from mttcg.engine.tracking.versions import (
    INDEX_BYTES,
    MET_STRIDE,
    SEEN,
    USERS,
    drop_own_records,
    find_or_make_version,
    follow_jumps,
    prepare_records,
    take_snapshot,
)
from mttcg.engine.tracking.words import (
    EIGHT,
    NUMBER_BYTES,
    ONE,
    PAGE_BYTES,
    U64,
    ZERO,
    is_given_up,
    own_row_of,
    set_lock,
    slot_of,
    slot_row,
)
from mttcg.memory.code_pages import HALVES
from mttcg.native import host
from mttcg.native.words import get, put
from mttcg.tbcache.changes import GIVEN_UP
from mttcg.tbcache.layout import MET_BYTES
from mttcg.tbcache.predecoded import RECORD_BYTES


@njit(cache=True)
def watch(words, page):
    """Have a page compared at each fence."""
    own = own_row_of(words, page)
    if host.read64(own + U64(LISTED)) == ZERO:
        host.store64(own + U64(LISTED), ONE)
        count = get(words, TrackingWord.WATCHED_COUNT)
        host.store64(get(words, TrackingWord.WATCHED) + count * EIGHT, page)
        put(words, TrackingWord.WATCHED_COUNT, count + ONE)


@njit(cache=True)
def is_zero(address, size):
    """Whether so many bytes are zero; others may write them."""
    found = ZERO
    for number in range(size // 8):
        found |= host.load64(address + U64(number) * EIGHT)
    return found == ZERO


@njit(cache=True)
def is_untouched(words, slot, records):
    """As `giving_up.is_untouched`; nor is there a record."""
    met = get(words, TrackingWord.MET) + slot * MET_STRIDE
    kept = get(words, TrackingWord.KEPT) + slot * MET_STRIDE
    index = get(words, TrackingWord.INDEX) + slot * INDEX_BYTES
    if not (is_zero(met, MET_BYTES) and is_zero(kept, MET_BYTES) and is_zero(index, 4 * HALVES)):
        return False
    empty, found = host.read64(get(words, TrackingWord.BLANK)), ZERO
    for half in range(HALVES):
        found |= host.read64(records + U64(half * RECORD_BYTES)) ^ empty
    return found == ZERO


@njit(cache=True)
def forget_entered(words, page):
    """Take a page out of the list of those that are fetched from."""
    pages, counter = get(words, TrackingWord.ENTERED), get(words, TrackingWord.ENTERED_COUNT)
    count, place = host.read64(counter), ZERO
    while place < count and host.read64(pages + place * EIGHT) != page:
        place += ONE
    while place + ONE < count:
        host.store64(pages + place * EIGHT, host.read64(pages + (place + ONE) * EIGHT))
        place += ONE
    host.store64(counter, count - ONE)


@njit(cache=True)
def give_up(words, page):
    """Fetch no more from a changed page if nothing was made of its version; whether that is so.

    Not if Python knows more of the page.
    """
    row = get(words, TrackingWord.PAGE_TABLE) + page * EIGHT
    records, slot = host.read64(row), slot_of(words, page)
    if records == ZERO or records & ONE != ZERO or not is_untouched(words, slot, records):
        return False
    users = slot_row(words, slot) + USERS
    host.store64(users, host.read64(users) & ~get(words, TrackingWord.USER))
    drop_own_records(words, slot)
    host.store32(get(words, TrackingWord.USED) + page * NUMBER_BYTES, ZERO)
    forget_entered(words, page)
    host.store64(row, U64(GIVEN_UP))
    nothing = get(words, TrackingWord.NO_JUMPS)
    host.store64(get(words, TrackingWord.JUMPS) + page * EIGHT, nothing)
    return True


@njit(cache=True)
def use(words, page, slot, start):
    """Fetch a page from a slot, seen at `start`."""
    row = slot_row(words, slot)
    host.store64(row + USERS, host.read64(row + USERS) | get(words, TrackingWord.USER))
    host.store64(row + SEEN, start + ONE)
    host.store32(get(words, TrackingWord.USED) + page * NUMBER_BYTES, slot + ONE)
    counter = get(words, TrackingWord.ENTERED_COUNT)
    count = host.read64(counter)
    host.store64(get(words, TrackingWord.ENTERED) + count * EIGHT, page)
    host.store64(counter, count + ONE)
    own = own_row_of(words, page)
    host.store64(own + U64(VERIFIED), ZERO)
    host.store64(own + U64(QUIET), ZERO)
    watch(words, page)
    records = prepare_records(words, slot)
    host.store64(get(words, TrackingWord.PAGE_TABLE) + page * EIGHT, records)
    follow_jumps(words, page, slot)


@njit(cache=True)
def count_hit(words, slot, pc):
    """Count a hit if a block at a pc in a slot is known, as `BlockCache.is_known` says."""
    half = (pc & (PAGE_BYTES - ONE)) >> ONE
    met = host.load8(get(words, TrackingWord.MET) + slot * MET_STRIDE + (half >> U64(3)))
    index = get(words, TrackingWord.INDEX) + slot * INDEX_BYTES + half * NUMBER_BYTES
    if met >> (half & U64(7)) & ONE != ZERO or host.load32(index) != ZERO:
        hits = get(words, TrackingWord.HITS)
        host.store64(hits, host.load64(hits) + ONE)


@njit(cache=True)
def fetch_unused(words, page, pc):
    """Fetch a page as it is now, to go on at a pc in it; False if Python has to.

    In the order of `BlockCache.enter_page`: what is stored after RAM was read is found later.
    """
    if not is_given_up(words, page) or not set_lock(words, get(words, TrackingWord.LOCK_TAKE)):
        return False
    number = find_or_make_version(words, page, take_snapshot(words, page))
    if number != ZERO:
        use(words, page, number - ONE, pc & ~(PAGE_BYTES - ONE))
    set_lock(words, get(words, TrackingWord.LOCK_RELEASE))
    if number == ZERO:
        return False
    count_hit(words, number - ONE, pc)
    return True
