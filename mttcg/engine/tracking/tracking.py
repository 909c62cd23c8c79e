"""The tracking of stores to code, as one vCPU's process has it."""

import ctypes
import fcntl
import os
import signal
import struct
from typing import NamedTuple

import numpy as np

from mttcg.engine.tracking import layout
from mttcg.engine.tracking.layout import TrackingWord
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.address import HostAddress, PhysicalPage
from mttcg.memory.host import address_of_array, address_of_buffer, address_of_function
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import STATE_BYTES, VcpuState
from mttcg.state.words import offsets_of
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.changes import InterpretedPages, NativeFetch

NATIVE = "mttcg.engine.tracking.native"
WITH_WORDS = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)
WITH_PAGE = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64)
LIBC = {
    TrackingWord.PROTECT: "mprotect",
    TrackingWord.COMPARE: "memcmp",
    TrackingWord.COPY: "memcpy",
    TrackingWord.FILL: "memset",
    TrackingWord.LOCK: "fcntl",
    TrackingWord.SET_ACTION: "sigaction",
    TrackingWord.RAISE: "raise",
}
FLOCK = struct.Struct("hhqqi4x")
"""struct flock of x86-64: kind, whence, start, length, process."""


class FaultAction(ctypes.Structure):
    """struct sigaction of x86-64, as sigaction(2) of the C library takes it."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_uint64 * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


SIGINFO, ON_OTHER_STACK = 4, 0x0800_0000
"""SA_SIGINFO and SA_ONSTACK: of sa_flags."""


class TrackedHarts(NamedTuple):
    """What is to be known of the harts' states, by host addresses.

    Attributes:
        vcpus: how many there are.
        requests: the first one's request word.
        stride: bytes from one to the next.
        invalidated: this vCPU's count of blocks that are no longer what RAM holds.
        hits: that of blocks that were known as it came to their page.
    """

    vcpus: int
    requests: HostAddress
    stride: int
    invalidated: HostAddress
    hits: HostAddress

    @classmethod
    def at(cls, harts: HostAddress, vcpu: int, vcpus: int) -> "TrackedHarts":
        """Those of states that begin at `harts`, for a vCPU of so many."""
        offset, own = offsets_of(VcpuState), harts + vcpu * STATE_BYTES
        requests = HostAddress(harts + offset["request"])
        counts = (HostAddress(own + offset[f"cache_{name}"]) for name in ("invalidated", "hits"))
        return cls(vcpus, requests, STATE_BYTES, *counts)


class StoreTracking:
    """Finds changed pages without comparing all; see `tbcache.changes.PageChanges`.

    Nothing native is loaded, and no page protected, before a guest asks for changed code.

    Args:
        segment: shared by all vCPUs, see `layout`.
        cache: whose pages they are.
        ram: where guest RAM is mapped in this process.
        vcpu: number of this vCPU.
        harts: of all vCPUs.
    """

    def __init__(
        self,
        segment: memoryview,
        cache: BlockCache,
        ram: HostAddress,
        vcpu: int,
        harts: TrackedHarts,
    ) -> None:
        self.cache, self.pages, self.vcpu = cache, cache.ram_range.pages, vcpu
        self.shared = segment.cast("Q")
        self.cursor = (layout.CURSORS + vcpu * layout.CURSOR_STRIDE) // 8
        self.own_rows = np.zeros(self.pages * layout.OWN_ROW_BYTES, dtype=np.uint8)
        self.lists = np.zeros((2, self.pages), dtype=np.uint64)
        self.locks = [
            ctypes.create_string_buffer(FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0), FLOCK.size)
            for kind in (fcntl.F_WRLCK, fcntl.F_UNLCK)
        ]
        self.snapshot = np.zeros(PAGE, dtype=np.uint8)
        self.previous = FaultAction()
        self.words = np.zeros(TrackingWord.WORDS, dtype=np.uint64)
        self.address = address_of_array(self.words)
        for word, value in self._words(segment, ram, harts).items():
            self.words[word] = value
        self.loaded = False

    def _words(
        self, segment: memoryview, ram: HostAddress, harts: TrackedHarts
    ) -> dict[TrackingWord, int]:
        cache, shared = self.cache, address_of_buffer(segment)
        return {
            TrackingWord.SHARED: shared,
            TrackingWord.RAM: ram,
            TrackingWord.PAGES: self.pages,
            TrackingWord.CURSOR: shared + 8 * self.cursor,
            TrackingWord.VCPUS: harts.vcpus,
            TrackingWord.REQUESTS: harts.requests,
            TrackingWord.REQUEST_STRIDE: harts.stride,
            TrackingWord.OWN_ROWS: address_of_array(self.own_rows),
            TrackingWord.USED: address_of_array(cache.used.numbers),
            TrackingWord.ENTERED: address_of_array(cache.used.pages),
            TrackingWord.ENTERED_COUNT: address_of_array(cache.used.count),
            TrackingWord.WATCHED: address_of_array(self.lists[0]),
            TrackingWord.CHANGED: address_of_array(self.lists[1]),
            TrackingWord.ORIGINAL: address_of_array(cache.original),
            TrackingWord.SLOTS: address_of_array(cache.slots),
            TrackingWord.NEWEST: address_of_array(cache.newest),
            TrackingWord.SLOT_COUNT: address_of_array(cache.header["slots"]),
            TrackingWord.INDEX: address_of_array(cache.index),
            TrackingWord.MET: address_of_array(cache.met),
            TrackingWord.KEPT: address_of_array(cache.kept),
            TrackingWord.FETCHED: address_of_array(cache.fetched),
            TrackingWord.USER: int(cache.bit),
            TrackingWord.INVALIDATED: harts.invalidated,
            TrackingWord.HITS: harts.hits,
            TrackingWord.SNAPSHOT: address_of_array(self.snapshot),
            TrackingWord.LOCK_FILE: cache.lock.descriptor,
            TrackingWord.LOCK_TAKE: ctypes.addressof(self.locks[0]),
            TrackingWord.LOCK_RELEASE: ctypes.addressof(self.locks[1]),
            TrackingWord.PREVIOUS_ACTION: ctypes.addressof(self.previous),
        }

    def _load(self) -> None:
        """Load what runs natively, handle faults of stores, and look at all pages."""
        library = ctypes.CDLL(None)
        for word, name in LIBC.items():
            self.words[word] = address_of_function(getattr(library, name))
        self.native_follow = WITH_WORDS(native_address(NATIVE, "follow"))
        self.native_find = WITH_WORDS(native_address(NATIVE, "find_changed"))
        self.native_enter = WITH_PAGE(native_address(NATIVE, "enter"))
        WITH_WORDS(native_address(NATIVE, "connect"))(self.address)
        handler = native_address(NATIVE, "on_fault")
        action = FaultAction(handler=handler, flags=SIGINFO | ON_OTHER_STACK)
        library.sigaction(signal.SIGSEGV, ctypes.byref(action), ctypes.byref(self.previous))
        self.loaded = True
        self.distrust()

    def entered(self, page: PhysicalPage) -> None:
        """A page is fetched from another version now."""
        if self.loaded:
            self.native_enter(self.address, page)

    def changed(self) -> list[PhysicalPage]:
        """See PageChanges."""
        if not self.loaded:
            self._load()
        count = self.native_find(self.address)
        return [PhysicalPage(page) for page in self.lists[1, :count].tolist()]

    def follow(self) -> None:
        """Protect what was asked for meanwhile, before anything is stored to guest RAM."""
        shared = self.shared
        if not shared[self.cursor]:
            shared[self.cursor] = int(self.words[TrackingWord.POSITION]) + 1
            with self.cache.lock:
                pass  # a full fence: who has not seen the cursor asked before what is read now
        if shared[layout.LENGTH // 8] != self.words[TrackingWord.POSITION]:
            if not self.loaded:
                self._load()
            self.native_follow(self.address)

    def rest(self) -> None:
        """Let others take pages for protected that this process has not protected yet."""
        self.shared[self.cursor] = 0

    def distrust(self) -> None:
        """Compare all pages at the next fence."""
        if self.loaded:
            for page in self.cache.used:
                self.native_enter(self.address, page)

    @property
    def native(self) -> NativeFetch | None:
        """What fetches again without Python, when a guest has asked for that once."""
        if not self.loaded:
            return None
        return NativeFetch(native_address(NATIVE, "fetch_again"), self.address)

    def enter_natively(self, pages: InterpretedPages) -> None:
        """See PageChanges."""
        for word, address in {
            TrackingWord.PAGE_TABLE: pages.table,
            TrackingWord.JUMPS: pages.jumps.pages,
            TrackingWord.SLOT_JUMPS: pages.jumps.slots,
            TrackingWord.JUMP_GENERATIONS: pages.jumps.generations,
            TrackingWord.NO_JUMPS: pages.jumps.nothing,
            TrackingWord.RECORDS: pages.segment,
            TrackingWord.BLANK: pages.blank,
            TrackingWord.HANDLERS: pages.handlers,
            TrackingWord.SHARED_RECORDS: pages.shared,
        }.items():
            self.words[word] = address

    @property
    def refused(self) -> int:
        """How many pages this process could not protect."""
        return int(self.words[TrackingWord.REFUSED])

    @property
    def warning(self) -> str:
        """What is to be told of such pages; "" if there are none."""
        if not self.refused:
            return ""
        return (
            f"vCPU {self.vcpu} could not write-protect {self.refused} pages of code (mprotect(2): "
            "too many mappings?): they are compared whenever the guest asks for changed code"
        )
