"""What tracking does natively: the signal handler, following the journal, and finding changes.

Each is a C function made by numba; `words` is a host address, see `layout.TrackingWord`. Nothing
here allocates, or calls into Python.
"""

from numba import cfunc, njit, types

from mttcg.engine.tracking.given_up import give_up, watch
from mttcg.engine.tracking.layout import (
    ASKED,
    CURSOR_STRIDE,
    CURSORS,
    FETCHED,
    JOURNAL,
    JOURNAL_ENTRIES,
    LEFT,
    LENGTH,
    LISTED,
    NEVER_AGAIN,
    OPENED,
    QUIET,
    TIMES_OPENED,
    UNCHANGED,
    VERIFIED,
    VERIFIED_TAIL,
    WRITTEN_BY_DEVICES,
    TrackingWord,
)
from mttcg.engine.tracking.versions import enter_changed
from mttcg.engine.tracking.words import (
    EIGHT,
    ONE,
    PAGE_BYTES,
    SHIFT,
    TAIL,
    U64,
    ZERO,
    content_of,
    has_tail,
    is_given_up,
    own_row_of,
    row_of,
    set_lock,
    slot_of,
    slot_row,
)
from mttcg.native import host
from mttcg.native.words import get, put

SEGMENTATION_FAULT = U64(11)
SIGNAL_CODE, SIGNAL_ADDRESS = U64(8), U64(16)
"""Byte offsets in siginfo_t of si_code and si_addr (x86-64)."""
FAULT_CODE, FAULT_WRITES = U64(192), U64(2)
"""Byte offset in ucontext_t of REG_ERR, and its bit of a write (Intel SDM volume 3, 4.7)."""
READ, READ_WRITE = U64(1), U64(3)
QUIET_COMPARISONS = 64
"""A page that was opened is protected again when it was found unchanged so often in a row: by then
comparing it has cost about what a fault and two calls of mprotect do."""
MOST_DOUBLINGS = 5
"""Of that, one for each further time that it was opened."""


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
    host.add64(get(words, TrackingWord.SHARED) + U64(OPENED), ONE)


@njit(cache=True)
def protect(words, page, how):
    """Call mprotect for a page of RAM; 0 if it did it."""
    address = get(words, TrackingWord.RAM) + (page << SHIFT)
    return host.call_protect(get(words, TrackingWord.PROTECT), address, PAGE_BYTES, how)


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
        page = (host.read64(info + SIGNAL_ADDRESS) - get(words, TrackingWord.RAM)) >> SHIFT
        if page < get(words, TrackingWord.PAGES):
            open_to_stores(words, page)
            if protect(words, page, READ_WRITE) == 0:
                return
    host.call_set_action(
        get(words, TrackingWord.SET_ACTION),
        SEGMENTATION_FAULT,
        get(words, TrackingWord.PREVIOUS_ACTION),
        ZERO,
    )
    if sent:
        host.call_raise(get(words, TrackingWord.RAISE), SEGMENTATION_FAULT)


@njit(cache=True)
def protect_as_asked(words, page):
    """Protect a page if that is still wanted; what can't be is opened for good."""
    if asked_of(words, page) != ZERO and protect(words, page, READ) != 0:
        open_to_stores(words, page)
        host.add64(row_of(words, page) + U64(TIMES_OPENED), U64(NEVER_AGAIN))
        put(words, TrackingWord.REFUSED, get(words, TrackingWord.REFUSED) + ONE)


@njit(cache=True)
def catch_up(words):
    """Protect all that others asked for, then say so."""
    shared = get(words, TrackingWord.SHARED)
    length, position = host.load64(shared + U64(LENGTH)), get(words, TrackingWord.POSITION)
    if length == position:
        return
    if length - position > U64(JOURNAL_ENTRIES // 2):  # some may have been written over
        for number in range(get(words, TrackingWord.PAGES)):
            protect_as_asked(words, U64(number))
    else:
        while position < length:
            place = (position % U64(JOURNAL_ENTRIES)) * EIGHT
            protect_as_asked(words, host.load64(shared + U64(JOURNAL) + place))
            position += ONE
    put(words, TrackingWord.POSITION, length)
    # after every store of this process that the pages did not stop
    host.store64(get(words, TrackingWord.CURSOR), length + ONE)


@cfunc(types.void(types.uint64))
def follow(words):
    """Protect what others asked for since the last time; before guest code runs."""
    catch_up(words)


@njit(cache=True)
def settled_length(words):
    """The journal's entries that every vCPU that runs has followed."""
    host.full_fence()  # whose cursor is 0 here has not looked yet at what was asked before
    shared, least = get(words, TrackingWord.SHARED), ~ZERO
    for vcpu in range(get(words, TrackingWord.VCPUS)):
        cursor = host.load64(shared + U64(CURSORS) + U64(vcpu) * U64(CURSOR_STRIDE))
        if cursor != ZERO:
            least = min(least, cursor - ONE)
    return least


@njit(cache=True)
def is_unchanged(words, page, content, slot):
    """Whether RAM holds the version that is fetched."""
    # any hart may write here; what was stored before a message that this hart has seen is seen
    ram = get(words, TrackingWord.RAM) + (page << SHIFT)
    if host.call_compare(get(words, TrackingWord.COMPARE), ram, content, PAGE_BYTES) != 0:
        return False
    tail = ZERO
    if has_tail(words, page, content):
        tail = host.load16(ram + PAGE_BYTES)
    return host.load32(slot_row(words, slot) + TAIL) == tail


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
    content = content_of(words, slot_of(words, page))
    if not has_tail(words, page, content):
        return True
    asked = asked_of(words, page + ONE)
    return asked != ZERO and host.read64(own + U64(VERIFIED_TAIL)) == asked


@njit(cache=True)
def watch_opened(words):
    """Watch those of the pages fetched from that were opened to stores since the last time."""
    shared = get(words, TrackingWord.SHARED)
    # both only grow, so their sum is another one when either is
    opened = host.load64(shared + U64(OPENED)) + host.load64(shared + U64(WRITTEN_BY_DEVICES))
    if opened == get(words, TrackingWord.SEEN):
        return
    put(words, TrackingWord.SEEN, opened)
    entered = get(words, TrackingWord.ENTERED)
    for number in range(host.read64(get(words, TrackingWord.ENTERED_COUNT))):
        page = host.read64(entered + U64(number) * EIGHT)
        if not is_verified(words, page):
            watch(words, page)


@njit(cache=True)
def wants_protection(words, page, quiet):
    """Whether a page is open, and unchanged for so long that it is to be protected."""
    if asked_of(words, page) != ZERO:
        return False
    times = host.load64(row_of(words, page) + U64(TIMES_OPENED))
    if times == ZERO:
        return quiet != ZERO
    enough = U64(QUIET_COMPARISONS) << min(times - ONE, U64(MOST_DOUBLINGS))
    return times < U64(NEVER_AGAIN) and quiet >= enough


@njit(cache=True)
def ask_for_protection(words, page):
    """Put a page into the journal. Under the lock."""
    shared = get(words, TrackingWord.SHARED)
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
    length = host.load64(get(words, TrackingWord.SHARED) + U64(LENGTH))
    settled = settled_length(words)
    return settled == ~ZERO or length - settled < U64(JOURNAL_ENTRIES // 2 - 2)


@njit(cache=True)
def ask_for_quiet_pages(words):
    """Have those of the watched pages protected that were unchanged for long enough."""
    locked = False
    watched = get(words, TrackingWord.WATCHED)
    for number in range(get(words, TrackingWord.WATCHED_COUNT)):
        page = host.read64(watched + U64(number) * EIGHT)
        quiet = host.read64(own_row_of(words, page) + U64(QUIET))
        content = content_of(words, slot_of(words, page))
        pages = U64(2) if has_tail(words, page, content) else ONE
        for more in range(pages):
            if not wants_protection(words, page + U64(more), quiet):
                continue
            if not locked:
                locked = set_lock(words, get(words, TrackingWord.LOCK_TAKE))
            if locked and has_room(words):
                ask_for_protection(words, page + U64(more))
    if locked:
        set_lock(words, get(words, TrackingWord.LOCK_RELEASE))


@njit(cache=True)
def nudge_the_others(words, settled):
    """Have the vCPUs that run, and have not followed yet, come out of translated code, once."""
    shared = get(words, TrackingWord.SHARED)
    length = host.load64(shared + U64(LENGTH))
    if settled >= length or get(words, TrackingWord.NUDGED) == length:
        return
    put(words, TrackingWord.NUDGED, length)
    for vcpu in range(get(words, TrackingWord.VCPUS)):
        cursor = host.load64(shared + U64(CURSORS) + U64(vcpu) * U64(CURSOR_STRIDE))
        if cursor != ZERO and cursor <= length:
            host.store64(
                get(words, TrackingWord.REQUESTS)
                + U64(vcpu) * get(words, TrackingWord.REQUEST_STRIDE),
                ONE,
            )


@njit(cache=True)
def compare_watched(words, settled):
    """Compare the watched pages, and watch those further that are open; how many have changed."""
    watched, kept, changed = get(words, TrackingWord.WATCHED), ZERO, ZERO
    for number in range(get(words, TrackingWord.WATCHED_COUNT)):
        page = host.read64(watched + U64(number) * EIGHT)
        own = own_row_of(words, page)
        if is_given_up(words, page):
            host.store64(own + U64(LISTED), ZERO)
            continue
        slot = slot_of(words, page)
        content = content_of(words, slot)
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
            host.store64(get(words, TrackingWord.CHANGED) + changed * EIGHT, page)
            changed += ONE
        host.store64(watched + kept * EIGHT, page)
        kept += ONE
    put(words, TrackingWord.WATCHED_COUNT, kept)
    return changed


@njit(cache=True)
def changed_pages(words):
    """See `find_changed`."""
    catch_up(words)
    watch_opened(words)
    if get(words, TrackingWord.WATCHED_COUNT) == ZERO:
        return ZERO
    settled = settled_length(words)
    changed = compare_watched(words, settled)
    ask_for_quiet_pages(words)
    catch_up(words)
    nudge_the_others(words, settled_length(words))
    return changed


@cfunc(types.uint64(types.uint64))
def find_changed(words):
    """Put the pages that are fetched from a version that RAM no longer holds into CHANGED.

    Gives how many there are. What was stored before a message that this hart has seen is found.
    """
    return changed_pages(words)


@cfunc(types.uint64(types.uint64))
def fetch_again(words):
    """Fetch changed pages as they are now: UNCHANGED, FETCHED, or LEFT if Python has to do more."""
    changed = changed_pages(words)
    if changed == ZERO:
        return U64(UNCHANGED)
    if get(words, TrackingWord.RECORDS) == ZERO or not set_lock(
        words, get(words, TrackingWord.LOCK_TAKE)
    ):
        return U64(LEFT)
    left, pages = False, get(words, TrackingWord.CHANGED)
    for number in range(changed):
        page = host.read64(pages + U64(number) * EIGHT)
        left |= not (give_up(words, page) or enter_changed(words, page))
    set_lock(words, get(words, TrackingWord.LOCK_RELEASE))
    return U64(LEFT) if left else U64(FETCHED)
