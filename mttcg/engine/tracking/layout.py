"""Where everything of the tracking of stores lies: in the segment that all vCPUs share, and in the
words of one vCPU.

The segment has a row for each page of RAM. Its *asked* is 0 as long as anybody may write the page;
else it is the number of the entry in the journal that asked all vCPUs to write-protect it. The
journal is a ring of page numbers. Each vCPU has a *cursor*: how far it has followed the journal,
plus one; 0 while it runs no guest code, and follows before it does again.

| word | written by |
|---|---|
| a row's asked, the journal, LENGTH | vCPUs under the block cache's lock |
| a row's asked, set to 0; its opened; OPENED | who stores to the page, in its signal handler |
| WRITTEN_BY_DEVICES | the device process, which sets a row's asked to 0, too |
| a cursor | its vCPU |
"""

from enum import IntEnum, auto

from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import MOST_VCPUS

LENGTH, OPENED = 0, 128
"""Byte offsets: entries that the journal had so far, and how often a page was opened to stores."""
WRITTEN_BY_DEVICES = 256
"""Byte offset: how often the device process wrote pages that were asked for."""
CURSORS = PAGE
CURSOR_STRIDE = 64
JOURNAL = CURSORS + MOST_VCPUS * CURSOR_STRIDE
JOURNAL_ENTRIES = 1 << 13
ROWS = JOURNAL + 8 * JOURNAL_ENTRIES
ASKED, TIMES_OPENED = 0, 8
"""Byte offsets in a row: see above, and how often the page was opened to stores again."""
ROW_BYTES = 16
NEVER_AGAIN = 64
"""Opened so often, a page is not protected any more."""

VERIFIED, VERIFIED_TAIL, QUIET, LISTED = range(0, 32, 8)
"""Byte offsets in what a vCPU has of each page: the *asked* under which the page, and the one that
has its last instruction's end, were found unchanged; how often in a row it was; 1 if it is among
those to be compared."""
OWN_ROW_BYTES = 32


def tracking_bytes(pages: int) -> int:
    """Bytes of the segment, for so many pages of RAM; it is sparse."""
    return -(-(ROWS + ROW_BYTES * (pages + 1)) // PAGE) * PAGE


MOST_VERSIONS = 32
"""Of a page: from then on one that nobody fetches is given up for a new one."""
UNCHANGED, FETCHED, LEFT = range(3)
"""What came of fetching again: no page has changed; each that has is fetched in another version;
or Python is to look, too."""


class TrackingWord(IntEnum):
    """The words of one vCPU, which its own process alone uses. HOST: a host address."""

    SHARED = 0  # HOST of the segment
    RAM = auto()  # HOST
    PAGES = auto()  # of RAM
    CURSOR = auto()  # HOST of this vCPU's
    VCPUS = auto()  # how many there are
    POSITION = auto()  # how far this vCPU has followed the journal
    SEEN = auto()  # of OPENED
    NUDGED = auto()  # the journal's length when the others were last asked to follow
    REQUESTS = auto()  # HOST of the first vCPU's request word
    REQUEST_STRIDE = auto()
    OWN_ROWS = auto()  # HOST
    USED = auto()  # HOST of the numbers of the slots, plus one, that pages are fetched from
    ENTERED = auto()  # HOST of the pages that are fetched from
    ENTERED_COUNT = auto()  # HOST of their number
    WATCHED = auto()  # HOST of the pages to be compared
    WATCHED_COUNT = auto()
    REFUSED = auto()  # how many pages could not be protected
    CHANGED = auto()  # HOST of the pages that were found changed
    ORIGINAL = auto()  # HOST of the slots' content
    SLOTS = auto()  # HOST of the slots' rows
    # to enter versions natively
    NEWEST = auto()  # HOST of the number, plus one, of each page's newest version
    SLOT_COUNT = auto()  # HOST of how many slots were used so far
    INDEX = auto()  # HOST of the slots' decoded blocks
    MET = auto()  # HOST of the slots' blocks that were met
    KEPT = auto()  # HOST of the slots' halves that are kept
    FETCHED = auto()  # HOST of the slots' content as some engines fetch it
    USER = auto()  # this vCPU's bit among a slot's users
    INVALIDATED = auto()  # HOST of the hart's count of such blocks
    HITS = auto()  # HOST of the hart's count of blocks that were known as it came to their page
    SNAPSHOT = auto()  # HOST of room for a page
    PAGE_TABLE = auto()  # HOST of the places of the records of each page of RAM, 0: Python knows
    JUMPS = auto()  # HOST of the place of the jumps of each page of RAM
    SLOT_JUMPS = auto()  # HOST of that of each slot
    JUMP_GENERATIONS = auto()  # HOST of the generation of each slot that these are of
    NO_JUMPS = auto()  # HOST of those of a page of which none is known
    RECORDS = auto()  # HOST of the segment of predecoded records; 0: Python enters pages
    BLANK = auto()  # HOST of the records of a page of which nothing is predecoded
    HANDLERS = auto()  # what such a page has of handlers, see `PredecodedPages`
    SHARED_RECORDS = auto()  # HOST of the records that all share where RECORDS are another's; or 0
    PROTECT = auto()  # HOST of mprotect(2)
    COMPARE = auto()  # HOST of memcmp(3)
    COPY = auto()  # HOST of memcpy(3)
    FILL = auto()  # HOST of memset(3)
    LOCK = auto()  # HOST of fcntl(2)
    LOCK_FILE = auto()  # descriptor of the block cache
    LOCK_TAKE = auto()  # HOST of the struct flock to wait for the lock with
    LOCK_RELEASE = auto()  # HOST of that to release it with
    SET_ACTION = auto()  # HOST of sigaction(2)
    PREVIOUS_ACTION = auto()  # HOST of the struct sigaction that was there before
    RAISE = auto()  # HOST of raise(3)
    WORDS = auto()
