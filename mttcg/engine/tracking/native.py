"""What tracking does natively: the signal handler, following the journal, and finding changes.

Each is a C function made by numba; `words` is a host address, see `layout.TrackingWord`. Nothing
here allocates, or calls into Python.
"""

import numpy as np
from numba import cfunc, njit, types

from mttcg.engine.tracking.layout import (
    ASKED,
    CURSOR_STRIDE,
    CURSORS,
    JOURNAL,
    JOURNAL_ENTRIES,
    LENGTH,
    LISTED,
    NEVER_AGAIN,
    OPENED,
    OWN_ROW_BYTES,
    QUIET,
    ROW_BYTES,
    ROWS,
    TIMES_OPENED,
    VERIFIED,
    VERIFIED_TAIL,
    TrackingWord,
)
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.native import host
from mttcg.tbcache.layout import SLOT

U64 = np.uint64
ZERO, ONE, EIGHT = U64(0), U64(1), U64(8)
SHARED, RAM, PAGES, CURSOR = (
    int(TrackingWord.SHARED),
    int(TrackingWord.RAM),
    int(TrackingWord.PAGES),
    int(TrackingWord.CURSOR),
)
VCPUS, POSITION, SEEN = int(TrackingWord.VCPUS), int(TrackingWord.POSITION), int(TrackingWord.SEEN)
NUDGED, REQUESTS = int(TrackingWord.NUDGED), int(TrackingWord.REQUESTS)
REQUEST_STRIDE, OWN_ROWS = int(TrackingWord.REQUEST_STRIDE), int(TrackingWord.OWN_ROWS)
USED, ENTERED, ENTERED_COUNT = (
    int(TrackingWord.USED),
    int(TrackingWord.ENTERED),
    int(TrackingWord.ENTERED_COUNT),
)
WATCHED, WATCHED_COUNT, CHANGED = (
    int(TrackingWord.WATCHED),
    int(TrackingWord.WATCHED_COUNT),
    int(TrackingWord.CHANGED),
)
ORIGINAL, SLOTS = int(TrackingWord.ORIGINAL), int(TrackingWord.SLOTS)
PROTECT, COMPARE, LOCK = (
    int(TrackingWord.PROTECT),
    int(TrackingWord.COMPARE),
    int(TrackingWord.LOCK),
)
LOCK_FILE, LOCK_TAKE = int(TrackingWord.LOCK_FILE), int(TrackingWord.LOCK_TAKE)
LOCK_RELEASE, SET_ACTION = int(TrackingWord.LOCK_RELEASE), int(TrackingWord.SET_ACTION)
REFUSED = int(TrackingWord.REFUSED)
PREVIOUS_ACTION, RAISE = int(TrackingWord.PREVIOUS_ACTION), int(TrackingWord.RAISE)
ROW_STRIDE, OWN_STRIDE = U64(ROW_BYTES), U64(OWN_ROW_BYTES)
SLOT_STRIDE, TAIL = U64(SLOT.itemsize), U64(SLOT.fields["tail"][1])  # type: ignore[index]
PAGE_BYTES, SHIFT = U64(PAGE), U64(PAGE_SHIFT)
LAST_HALF = U64(PAGE - 2)

SEGMENTATION_FAULT = U64(11)
SIGNAL_CODE, SIGNAL_ADDRESS = U64(8), U64(16)
"""Byte offsets in siginfo_t of si_code and si_addr (x86-64)."""
FAULT_CODE, FAULT_WRITES = U64(192), U64(2)
"""Byte offset in ucontext_t of REG_ERR, and its bit of a write (Intel SDM volume 3, 4.7)."""
READ, READ_WRITE = U64(1), U64(3)
SET_AND_WAIT = U64(7)
"""F_SETLKW of fcntl(2)."""
QUIET_SHIFT = 6
"""A page that was opened n times is protected again when it was found unchanged 64^n times in a
row: by then comparing it has cost about what a fault and two calls of mprotect do."""
LONGEST_QUIET = 5
"""Of these n, the largest."""


@njit(cache=True)
def get(words, word):
    """One of the words."""
    return host.read64(words + U64(8 * word))


@njit(cache=True)
def put(words, word, value):
    """Set one of the words."""
    host.store64(words + U64(8 * word), value)


@njit(cache=True)
def row_of(words, page):
    """Address of a page's row in the segment."""
    return get(words, SHARED) + U64(ROWS) + page * ROW_STRIDE


@njit(cache=True)
def own_row_of(words, page):
    """Address of what this vCPU has of a page."""
    return get(words, OWN_ROWS) + page * OWN_STRIDE


@njit(cache=True)
def asked_of(words, page):
    """The entry that asked for a page's protection; 0 if it may be written."""
    return host.load64(row_of(words, page) + U64(ASKED))


@njit(cache=True)
def open_to_stores(words, page):
    """Let a page be written, after everybody can see that it is no longer protected."""
    row = row_of(words, page)
    # anybody may read these, and ask anew: whoever does waits until this process has followed
    host.store64(row + U64(ASKED), ZERO)
    host.add64(row + U64(TIMES_OPENED), ONE)
    host.add64(get(words, SHARED) + U64(OPENED), ONE)


@njit(cache=True)
def protect(words, page, how):
    """Call mprotect for a page of RAM; 0 if it did it."""
    address = get(words, RAM) + (page << SHIFT)
    return host.call_protect(get(words, PROTECT), address, PAGE_BYTES, how)


@cfunc(types.void(types.uint64))
def connect(words):
    """Have `on_fault` use these words; 0: none."""
    host.set_process_word(words)


@cfunc(types.void(types.int32, types.uint64, types.uint64))
def on_fault(signal, info, context):
    """Handle SIGSEGV: a store to a protected page of RAM is run again, when the page is open.

    Anything else, or a page that can't be opened, is left to the action that was there before.
    """
    words = host.process_word()
    sent = host.load32(info + SIGNAL_CODE) >= U64(1 << 31)  # by a process: not above zero
    sent = sent or host.load32(info + SIGNAL_CODE) == ZERO
    if not sent and host.read64(context + FAULT_CODE) & FAULT_WRITES != ZERO:
        page = (host.read64(info + SIGNAL_ADDRESS) - get(words, RAM)) >> SHIFT
        if page < get(words, PAGES):
            open_to_stores(words, page)
            if protect(words, page, READ_WRITE) == 0:
                return
    host.call_set_action(
        get(words, SET_ACTION), SEGMENTATION_FAULT, get(words, PREVIOUS_ACTION), ZERO
    )
    if sent:
        host.call_raise(get(words, RAISE), SEGMENTATION_FAULT)


@njit(cache=True)
def protect_as_asked(words, page):
    """Protect a page if that is still wanted; what can't be is opened for good."""
    if asked_of(words, page) != ZERO and protect(words, page, READ) != 0:
        open_to_stores(words, page)
        host.add64(row_of(words, page) + U64(TIMES_OPENED), U64(NEVER_AGAIN))
        put(words, REFUSED, get(words, REFUSED) + ONE)


@njit(cache=True)
def catch_up(words):
    """Protect all that others asked for, then say so."""
    shared = get(words, SHARED)
    length, position = host.load64(shared + U64(LENGTH)), get(words, POSITION)
    if length == position:
        return
    if length - position > U64(JOURNAL_ENTRIES // 2):  # some may have been written over
        for number in range(get(words, PAGES)):
            protect_as_asked(words, U64(number))
    else:
        while position < length:
            place = (position % U64(JOURNAL_ENTRIES)) * EIGHT
            protect_as_asked(words, host.load64(shared + U64(JOURNAL) + place))
            position += ONE
    put(words, POSITION, length)
    # after every store of this process that the pages did not stop
    host.store64(get(words, CURSOR), length + ONE)


@cfunc(types.void(types.uint64))
def follow(words):
    """Protect what others asked for since the last time; before guest code runs."""
    catch_up(words)


@njit(cache=True)
def settled_length(words):
    """The journal's entries that every vCPU that runs has followed."""
    host.full_fence()  # whose cursor is 0 here has not looked yet at what was asked before
    shared, least = get(words, SHARED), ~ZERO
    for vcpu in range(get(words, VCPUS)):
        cursor = host.load64(shared + U64(CURSORS) + U64(vcpu) * U64(CURSOR_STRIDE))
        if cursor != ZERO:
            least = min(least, cursor - ONE)
    return least


@njit(cache=True)
def straddles(content):
    """Whether the last instruction of a page's content may end in the next page."""
    return host.load16(content + LAST_HALF) & U64(3) == U64(3)


@njit(cache=True)
def content_of(words, page):
    """Address of the version of a page that this vCPU fetches, and its slot's row."""
    slot = host.load32(get(words, USED) + page * U64(4)) - ONE
    return get(words, ORIGINAL) + (slot << SHIFT), get(words, SLOTS) + slot * SLOT_STRIDE


@njit(cache=True)
def has_tail(words, page, content):
    """Whether the next page has the end of a page's last instruction."""
    return straddles(content) and page + ONE < get(words, PAGES)


@njit(cache=True)
def is_unchanged(words, page, content, slot):
    """Whether RAM holds the version that is fetched."""
    # any hart may write here; what was stored before a message that this hart has seen is seen
    ram = get(words, RAM) + (page << SHIFT)
    if host.call_compare(get(words, COMPARE), ram, content, PAGE_BYTES) != 0:
        return False
    tail = ZERO
    if has_tail(words, page, content):
        tail = host.load16(ram + PAGE_BYTES)
    return host.load32(slot + TAIL) == tail


@njit(cache=True)
def watch(words, page):
    """Have a page compared at each fence."""
    own = own_row_of(words, page)
    if host.read64(own + U64(LISTED)) == ZERO:
        host.store64(own + U64(LISTED), ONE)
        count = get(words, WATCHED_COUNT)
        host.store64(get(words, WATCHED) + count * EIGHT, page)
        put(words, WATCHED_COUNT, count + ONE)


@cfunc(types.void(types.uint64, types.uint64))
def enter(words, page):
    """Take note that a page is fetched from another version."""
    own = own_row_of(words, page)
    host.store64(own + U64(VERIFIED), ZERO)
    host.store64(own + U64(QUIET), ZERO)
    watch(words, page)


@njit(cache=True)
def is_verified(words, page):
    """Whether nobody can have changed a page unseen since it was compared."""
    own, asked = own_row_of(words, page), asked_of(words, page)
    if asked == ZERO or host.read64(own + U64(VERIFIED)) != asked:
        return False
    content, _slot = content_of(words, page)
    if not has_tail(words, page, content):
        return True
    asked = asked_of(words, page + ONE)
    return asked != ZERO and host.read64(own + U64(VERIFIED_TAIL)) == asked


@njit(cache=True)
def watch_opened(words):
    """Watch those of the pages fetched from that were opened to stores since the last time."""
    opened = host.load64(get(words, SHARED) + U64(OPENED))
    if opened == get(words, SEEN):
        return
    put(words, SEEN, opened)
    entered = get(words, ENTERED)
    for number in range(host.read64(get(words, ENTERED_COUNT))):
        page = host.read64(entered + U64(number) * EIGHT)
        if not is_verified(words, page):
            watch(words, page)


@njit(cache=True)
def wants_protection(words, page, quiet):
    """Whether a page is open, and unchanged for so long that it is to be protected."""
    if asked_of(words, page) != ZERO:
        return False
    times = host.load64(row_of(words, page) + U64(TIMES_OPENED))
    return times < U64(NEVER_AGAIN) and quiet >= ONE << (
        min(times, U64(LONGEST_QUIET)) * U64(QUIET_SHIFT)
    )


@njit(cache=True)
def ask_for_protection(words, page):
    """Put a page into the journal. Under the lock."""
    shared = get(words, SHARED)
    length = host.load64(shared + U64(LENGTH))
    if asked_of(words, page) != ZERO:
        return
    place = (length % U64(JOURNAL_ENTRIES)) * EIGHT
    host.store64(shared + U64(JOURNAL) + place, page)
    host.store64(row_of(words, page) + U64(ASKED), length + ONE)
    host.store64(shared + U64(LENGTH), length + ONE)


@njit(cache=True)
def has_room(words):
    """Whether no vCPU that runs is so far behind that its next entries could be written over."""
    length = host.load64(get(words, SHARED) + U64(LENGTH))
    settled = settled_length(words)
    return settled == ~ZERO or length - settled < U64(JOURNAL_ENTRIES // 2 - 2)


@njit(cache=True)
def set_lock(words, request):
    """Take or release the block cache's lock; whether that was done."""
    return host.call_lock(get(words, LOCK), get(words, LOCK_FILE), SET_AND_WAIT, request) == 0


@njit(cache=True)
def ask_for_quiet_pages(words):
    """Have those of the watched pages protected that were unchanged for long enough."""
    locked = False
    watched = get(words, WATCHED)
    for number in range(get(words, WATCHED_COUNT)):
        page = host.read64(watched + U64(number) * EIGHT)
        quiet = host.read64(own_row_of(words, page) + U64(QUIET))
        content, _slot = content_of(words, page)
        pages = U64(2) if has_tail(words, page, content) else ONE
        for more in range(pages):
            if not wants_protection(words, page + U64(more), quiet):
                continue
            if not locked:
                locked = set_lock(words, get(words, LOCK_TAKE))
            if locked and has_room(words):
                ask_for_protection(words, page + U64(more))
    if locked:
        set_lock(words, get(words, LOCK_RELEASE))


@njit(cache=True)
def nudge_the_others(words, settled):
    """Have the vCPUs that run, and have not followed yet, come out of translated code, once."""
    shared = get(words, SHARED)
    length = host.load64(shared + U64(LENGTH))
    if settled >= length or get(words, NUDGED) == length:
        return
    put(words, NUDGED, length)
    for vcpu in range(get(words, VCPUS)):
        cursor = host.load64(shared + U64(CURSORS) + U64(vcpu) * U64(CURSOR_STRIDE))
        if cursor != ZERO and cursor <= length:
            host.store64(get(words, REQUESTS) + U64(vcpu) * get(words, REQUEST_STRIDE), ONE)


@njit(cache=True)
def compare_watched(words, settled):
    """Compare the watched pages, and watch those further that are open; how many have changed."""
    watched, kept, changed = get(words, WATCHED), ZERO, ZERO
    for number in range(get(words, WATCHED_COUNT)):
        page = host.read64(watched + U64(number) * EIGHT)
        own = own_row_of(words, page)
        content, slot = content_of(words, page)
        # before the page is read: what is stored after that opens it again
        asked, tail_asked = asked_of(words, page), asked_of(words, page + ONE)
        if is_unchanged(words, page, content, slot):
            host.store64(own + U64(QUIET), host.read64(own + U64(QUIET)) + ONE)
            safe = asked != ZERO and asked <= settled
            if has_tail(words, page, content):
                safe = safe and tail_asked != ZERO and tail_asked <= settled
            if safe:
                host.store64(own + U64(VERIFIED), asked)
                host.store64(own + U64(VERIFIED_TAIL), tail_asked)
                host.store64(own + U64(LISTED), ZERO)
                continue
        else:
            host.store64(own + U64(QUIET), ZERO)
            host.store64(get(words, CHANGED) + changed * EIGHT, page)
            changed += ONE
        host.store64(watched + kept * EIGHT, page)
        kept += ONE
    put(words, WATCHED_COUNT, kept)
    return changed


@cfunc(types.uint64(types.uint64))
def find_changed(words):
    """Put the pages that are fetched from a version that RAM no longer holds into CHANGED.

    Gives how many there are. What was stored before a message that this hart has seen is found.
    """
    catch_up(words)
    watch_opened(words)
    if get(words, WATCHED_COUNT) == ZERO:
        return ZERO
    settled = settled_length(words)
    changed = compare_watched(words, settled)
    ask_for_quiet_pages(words)
    catch_up(words)
    nudge_the_others(words, settled_length(words))
    return changed
