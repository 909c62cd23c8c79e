"""vCPUs that fetch, fence and store, without engines: processes over shared memory."""

import itertools
import mmap
import os
import random
import time
import traceback
from collections.abc import Callable

import numpy as np

from mttcg.engine.tracking.layout import TrackingWord, tracking_bytes
from mttcg.engine.tracking.tracking import StoreTracking, TrackedHarts
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.memory.address import HostAddress, PhysicalPage
from mttcg.memory.host import address_of_buffer
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.layout import CacheLayout

PAGE = 4096
BASE = 0x8000_0000
REQUEST_STRIDE = 64
INVALIDATED, HITS = 2048, 2056
"""Where a vCPU counts such blocks, behind the request words."""
CODE_PAGES, ROUNDS = 8, int(os.environ.get("MTTCG_TRACKING_ROUNDS", "400"))
PATIENCE = 30 + ROUNDS / 100
"""Seconds."""
ENDED = 64
"""Where each vCPU says how many rounds it has made, behind the messages."""


class Guest:
    """RAM and what vCPUs share of it, before they are forked."""

    def __init__(self, pages: int, vcpus: int, records: int = PAGE) -> None:
        self.pages, self.vcpus = pages, vcpus
        self.records = mmap.mmap(-1, records)
        self.maps = {
            "ram": mmap.mmap(-1, pages * PAGE),
            "tracking": mmap.mmap(-1, tracking_bytes(pages)),
            "requests": mmap.mmap(-1, PAGE),
            "messages": mmap.mmap(-1, PAGE),
        }
        self.descriptor = os.memfd_create("cache")
        os.ftruncate(self.descriptor, CacheLayout(pages).size)
        self.cache = mmap.mmap(self.descriptor, CacheLayout(pages).size)
        self.messages = memoryview(self.maps["messages"]).cast("Q")
        self.requests = memoryview(self.maps["requests"]).cast("Q")

    def vcpu(self, number: int) -> "Vcpu":
        return Vcpu(self, number)

    @property
    def invalidated(self) -> int:
        return self.requests[INVALIDATED // 8]

    @property
    def hits(self) -> int:
        return self.requests[HITS // 8]

    def close(self) -> None:
        os.close(self.descriptor)


class Vcpu:
    """One vCPU's view; only one in a process may find changes, as it handles that one's faults."""

    def __init__(self, guest: Guest, number: int) -> None:
        self.guest, ram = guest, memoryview(guest.maps["ram"])
        self.ram = ram
        self.cache = BlockCache(
            memoryview(guest.cache),
            guest.descriptor,
            np.frombuffer(ram, dtype=np.uint8),
            BASE,  # type: ignore[arg-type]
            number,
            RISCV64.code,
        )
        requests = address_of_buffer(memoryview(guest.maps["requests"]))
        harts = TrackedHarts(
            guest.vcpus,
            requests,
            REQUEST_STRIDE,
            HostAddress(requests + INVALIDATED),
            HostAddress(requests + HITS),
        )
        self.tracking = StoreTracking(
            memoryview(guest.maps["tracking"]), self.cache, address_of_buffer(ram), number, harts
        )
        self.cache.changes = self.tracking
        self.tracking.follow()

    def fetch(self, page: int) -> None:
        self.cache.enter_page(PhysicalPage(page))

    def fence(self) -> list[int]:
        """As the guest's fence; the pages that had changed."""
        found = self.cache.changed_pages()
        for page in found:
            self.cache.enter_page(page)
        return [int(page) for page in found]

    def fetched(self, page: int) -> bytes:
        return bytes(self.cache.original[self.cache.used[PhysicalPage(page)]])

    def store(self, place: int, value: int) -> None:
        self.ram[place : place + 8].cast("Q")[0] = value

    def settle(self) -> None:
        for _ in range(3):
            self.fence()

    @property
    def watched(self) -> int:
        return int(self.tracking.words[TrackingWord.WATCHED_COUNT])


def in_child(work: Callable[[], None]) -> int:
    """Run it in a process of its own; what waitpid says."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def ends_well(*children: int) -> bool:
    return [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def alone(work: Callable[[], None]) -> None:
    """Run it in a process of its own, whose faults it may handle as it likes."""
    assert ends_well(in_child(work))


def wait_for(guest: Guest, word: int, value: int) -> None:
    until = time.monotonic() + PATIENCE
    while guest.messages[word] < value:
        assert time.monotonic() < until, f"message {word} does not come"
        os.sched_yield()


def exchange_code(
    vcpu: Vcpu, number: int, fence: Callable[[], object], fetched: Callable[[int], bytes]
) -> None:
    """Write code and say so, now and then; whoever has heard of it fences, and looks at it.

    Each vCPU writes the page with its number, all the time or rarely. fetched: what a vCPU fetches
    of a page.
    """
    guest, chance = vcpu.guest, random.Random(number)
    until = time.monotonic() + PATIENCE
    for count in itertools.count(1):
        assert time.monotonic() < until
        if chance.random() < 0.05:
            vcpu.tracking.rest()
            os.sched_yield()
        vcpu.tracking.follow()
        heard = list(guest.messages[: guest.vcpus])
        fence()
        for other, value in enumerate(heard):
            place = 8 * other
            seen = int.from_bytes(fetched(other % CODE_PAGES)[place : place + 8], "little")
            assert seen >= value, (number, other, count)
        if count <= ROUNDS and chance.random() < (0.3 if count % 100 < 50 else 0.02):
            vcpu.store(number % CODE_PAGES * PAGE + 8 * number, count)
            guest.messages[number] = count
        guest.messages[ENDED + number] = count
        if min(guest.messages[ENDED : ENDED + guest.vcpus]) >= ROUNDS:
            return
