"""Records that a vCPU has for itself hold as long as it fetches what they are of, no longer."""

import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_native_versions import Interpreting
from tracked_guest import PAGE, Guest, alone

from mttcg.engine.tracking.layout import FETCHED
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.tbcache.predecoded import PREDECODED_BYTES

FAR = PAGE // 2
"""Of what differs, where nothing is made of it."""


class OwnRecords(Interpreting):
    """A vCPU whose records are its own, beside a segment that all share."""

    def __init__(self, guest: Guest) -> None:
        super().__init__(guest.vcpu(0), keeps=False)
        self.shared = memoryview(mmap.mmap(-1, PREDECODED_BYTES))
        natively = self.pages.for_native(address_of_array(self.table), self.jumps.versions)
        shared = natively._replace(shared=address_of_buffer(self.shared))
        self.vcpu.tracking.enter_natively(shared)

    def generation(self, slot: int) -> int:
        """Of the slot that the records are of, 0 if there are none."""
        return int(self.pages.generations[slot])

    def make_block(self, page: int) -> None:
        """Have something made of the page's first half."""
        slot = self.slot(page)
        self.cache.met[slot, 0] |= 1
        records = np.frombuffer(self.segment, np.uint64)
        records[(int(self.table[page]) - self.pages.start) // 8] = 1


@pytest.fixture
def guest() -> Any:
    found = Guest(pages=16, vcpus=2, records=PREDECODED_BYTES)
    yield found
    found.close()


def with_own(guest: Guest, run: Callable[[OwnRecords], None]) -> None:
    alone(lambda: run(OwnRecords(guest)))


def test_records_of_a_version_that_is_left_natively_are_dropped(guest: Guest) -> None:
    def run(found: OwnRecords) -> None:
        found.fetch(3)
        found.make_block(3)
        first = found.slot(3)
        assert found.generation(first) == 1
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        assert found.slot(3) != first
        assert (found.generation(first), found.generation(found.slot(3))) == (0, 1)

    with_own(guest, run)


def test_records_of_a_page_that_is_given_up_are_dropped(guest: Guest) -> None:
    def run(found: OwnRecords) -> None:
        found.fetch(3)
        slot = found.slot(3)
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        assert found.generation(slot) == 0

    with_own(guest, run)


@pytest.mark.parametrize("shared", [False, True])
def test_a_version_with_records_of_others_is_not_changed(guest: Guest, shared: bool) -> None:
    def run(found: OwnRecords) -> None:
        found.fetch(3)
        found.make_block(3)
        slot = found.slot(3)
        if shared:  # another vCPU, with nothing attached, has been there
            found.shared.cast("B")[4 * slot] = found.generation(slot)
        found.vcpu.store(3 * PAGE + FAR, 1)
        assert found.fetch_again() == FETCHED
        assert (found.slot(3) != slot) == shared

    with_own(guest, run)


def test_python_tells_which_version_is_left(guest: Guest) -> None:
    def run(found: OwnRecords) -> None:
        left: list[int] = []
        found.cache.left = left.append
        found.fetch(3)
        found.fetch(3)
        first = found.slot(3)
        assert left == []
        found.vcpu.store(3 * PAGE, 1)
        found.fetch(3)
        assert left == [first] and found.slot(3) != first

    with_own(guest, run)
