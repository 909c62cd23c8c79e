"""Changed pages that are entered natively are as those that Python enters."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tracked_guest import (
    BASE,
    CODE_PAGES,
    PAGE,
    Guest,
    Vcpu,
    alone,
    ends_well,
    exchange_code,
    in_child,
)

from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.tracking.given_up import fetch_unused
from mttcg.engine.tracking.layout import FETCHED, LEFT, MOST_VERSIONS, UNCHANGED
from mttcg.memory.address import HostAddress, PageOffset, PhysicalPage, Virtual
from mttcg.memory.host import address_of_array
from mttcg.tbcache.cache import hash_of
from mttcg.tbcache.changes import GIVEN_UP
from mttcg.tbcache.predecoded import OWN_HANDLERS, PREDECODED_BYTES, PredecodedPages

EMPTY, BEHIND, HANDLERS = (HostAddress(number) for number in (7, 8, 9))
NATIVE = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)
OBSERVED = 1
SEEN_AT = np.uint64(0x4000_0123_4000)


class Interpreting:
    """A vCPU with what an interpreter has of its pages.

    keeps: whether something was made of all that it fetches.
    """

    def __init__(self, vcpu: Vcpu, keeps: bool = True) -> None:
        self.vcpu, self.cache, self.keeps = vcpu, vcpu.cache, keeps
        self.segment = memoryview(vcpu.guest.records)
        self.pages = PredecodedPages(self.segment, vcpu.cache, HANDLERS, EMPTY, BEHIND)
        self.table = np.zeros(vcpu.guest.pages, dtype=np.uint64)
        self.jumps = JumpTable(vcpu.cache)
        vcpu.fence()
        table = address_of_array(self.table)
        vcpu.tracking.enter_natively(self.pages.for_native(table, self.jumps.versions))
        native = vcpu.tracking.native
        assert native is not None
        self.function, self.argument = NATIVE(native.function), native.argument

    def fetch(self, page: int) -> None:
        """Fetch a page and run it: it has records from then on."""
        self.vcpu.fetch(page)
        self.table[page] = self.pages.start + self.pages.enter(self.slot(page))
        self._keep()

    def fetch_again(self) -> int:
        came_of = int(self.function(self.argument))
        self._keep()
        return came_of

    def _keep(self) -> None:
        if self.keeps:
            for slot in self.cache.used.values():
                self.cache.keep_all(slot)

    def fetched(self, page: int) -> bytes:
        """What is fetched of a page, natively if it was given up."""
        if self.table[page] == GIVEN_UP:
            assert fetch_unused(np.uint64(self.argument), np.uint64(page), SEEN_AT)
            self._keep()
        return self.vcpu.fetched(page)

    def slot(self, page: int) -> int:
        return self.cache.used[PhysicalPage(page)]

    def records(self, page: int) -> bytes:
        place = int(self.table[page]) - self.pages.start
        return bytes(self.segment[place : place + OWN_HANDLERS])

    def fields(self, page: int) -> dict[str, int]:
        return {name: int(self.cache.slots[name][self.slot(page)]) for name in ("age", "tail")}


@pytest.fixture
def guest() -> Any:
    found = Guest(pages=16, vcpus=2, records=PREDECODED_BYTES)
    yield found
    found.close()


def interpreting(guest: Guest, run: Callable[[Interpreting], None]) -> None:
    alone(lambda: run(Interpreting(guest.vcpu(0))))


def test_what_is_unchanged_stays(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        before = found.slot(3)
        assert [found.fetch_again() for _ in range(3)] == [UNCHANGED] * 3
        assert found.slot(3) == before

    interpreting(guest, run)


def test_a_changed_page_has_a_new_version_with_blank_records(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        found.fetch(5)
        first, other = found.slot(3), found.slot(5)
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        second = found.slot(3)
        assert (second != first, found.slot(5)) == (True, other)
        assert found.vcpu.fetched(3)[0] == 1
        assert bytes(found.cache.fetched[second]) == found.vcpu.fetched(3)
        assert found.fields(3) == {"age": 1, "tail": 0}
        users = found.cache.slots["users"]
        assert (int(users[first]), int(users[second])) == (0, 1)
        assert found.records(3) == bytes(found.pages.blank)
        assert int(found.table[3]) - found.pages.start == found.pages.enter(second)
        assert found.fetch_again() == UNCHANGED

    interpreting(guest, run)


def test_python_finds_versions_that_native_code_made_and_the_other_way_round(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        slots = [found.slot(3)]
        for value in (1, 2):
            found.vcpu.store(3 * PAGE, value)
            assert found.fetch_again() == FETCHED
            slots.append(found.slot(3))
        for enter in (found.vcpu.fence, found.fetch_again):
            for value, slot in enumerate(slots):
                found.vcpu.store(3 * PAGE, value)
                enter()
                assert found.slot(3) == slot
        assert int(found.cache.header["slots"][0]) == len(slots)

    interpreting(guest, run)


def test_the_end_of_a_last_instruction_is_part_of_a_version(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.vcpu.ram[4 * PAGE - 2] = 3
        found.fetch(3)
        found.vcpu.store(4 * PAGE, 7)
        assert found.fetch_again() == FETCHED
        assert found.fields(3) == {"age": 1, "tail": 7}

    interpreting(guest, run)


def test_blocks_that_were_known_count_as_invalidated(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        slot = found.slot(3)
        found.cache.index[slot, [0, 5, 2047]] = 1
        found.cache.met[slot, [0, 9]] = 0b11, 1 << 7
        known = len(found.cache.known_blocks(slot))
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        assert found.vcpu.guest.invalidated == known == 5

    interpreting(guest, run)


def test_a_page_that_changes_all_the_time_has_so_many_versions(guest: Guest) -> None:
    most, more = MOST_VERSIONS, 50

    def run(found: Interpreting) -> None:
        found.fetch(3)
        for value in range(1, most + more):
            slot = found.slot(3)
            found.cache.index[slot, 7] = 1
            found.cache.met[slot, 1] = 1
            found.vcpu.store(3 * PAGE, value)
            assert found.fetch_again() == FETCHED
            assert found.cache.known_blocks(found.slot(3)) == []
            assert found.fields(3)["age"] == value
            assert int.from_bytes(found.vcpu.fetched(3)[:8], "little") == value
        assert int(found.cache.header["slots"][0]) == most
        assert int(found.cache.slots["generation"].max()) > 1
        for value in range(most + more - 1, more, -1):  # those that are left are found
            found.vcpu.store(3 * PAGE, value)
            found.fetch_again()
            assert int.from_bytes(found.vcpu.fetched(3)[:8], "little") == value
        assert int(found.cache.header["slots"][0]) == most

    interpreting(guest, run)


def test_a_version_that_another_vcpu_fetches_is_not_given_up(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        other = found.vcpu.guest.vcpu(1)
        other.fetch(3)
        found.fetch(3)
        kept = found.slot(3)
        for value in range(1, 3 * MOST_VERSIONS):
            found.vcpu.store(3 * PAGE, value)
            found.fetch_again()
            assert found.slot(3) != kept
        assert other.fetched(3) == bytes(PAGE)

    interpreting(guest, run)


@pytest.mark.parametrize("why", ["no records", "something attached"])
def test_what_only_python_can_enter_is_left(guest: Guest, why: str) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        found.fetch(5)
        if why == "no records":
            found.table[3] = 0
        else:
            found.table[3] |= np.uint64(OBSERVED)
        before = found.slot(3)
        for page in (3, 5):
            found.vcpu.store(page * PAGE, 1)
        assert found.fetch_again() == LEFT
        assert found.slot(3) == before
        assert found.vcpu.fetched(5)[0] == 1, "the others are entered"
        assert found.vcpu.fence() == [3]
        assert found.fetch_again() == UNCHANGED

    interpreting(guest, run)


def test_jumps_to_translated_code_are_those_of_the_version(guest: Guest) -> None:
    code = HostAddress(12345)

    def jump_of(found: Interpreting) -> int:
        """The code that native code finds at the start of the page."""
        return ctypes.c_uint64.from_address(int(found.jumps.pages[3])).value

    def run(found: Interpreting) -> None:
        found.fetch(3)
        found.jumps.put(PhysicalPage(3), PageOffset(0), code, translated=False)
        assert jump_of(found) == code
        for fetch, known in ((found.fetch_again, FETCHED), (found.vcpu.fence, [3])):
            for value, expected in ((1, 0), (0, code)):
                found.vcpu.store(3 * PAGE, value)
                assert fetch() == known
                found.jumps.follow(PhysicalPage(3))
                assert jump_of(found) == expected
        found.vcpu.store(3 * PAGE, 1)
        assert (found.fetch_again(), jump_of(found)) == (FETCHED, 0)
        found.vcpu.store(3 * PAGE, 0)
        assert (found.fetch_again(), jump_of(found)) == (FETCHED, code)
        found.cache.slots["generation"][found.slot(3)] += 1  # as if it had been used again
        found.jumps.follow(PhysicalPage(3))
        assert jump_of(found) == 0

    interpreting(guest, run)


@pytest.mark.parametrize("vcpus", [1, 2, 8])
def test_code_of_others_is_never_seen_late(vcpus: int) -> None:
    guest = Guest(CODE_PAGES, vcpus, records=PREDECODED_BYTES)

    def run(number: int) -> None:
        found = Interpreting(guest.vcpu(number), keeps=number % 2 == 1)
        for page in range(CODE_PAGES):
            found.fetch(page)
        exchange_code(found.vcpu, number, found.fetch_again, found.fetched)

    assert ends_well(*[in_child(lambda n=number: run(n)) for number in range(vcpus)])  # type: ignore[misc]
    guest.close()


def untouched(guest: Guest, run: Callable[[Interpreting], None]) -> None:
    """Of a vCPU that has made nothing of its code yet."""
    alone(lambda: run(Interpreting(guest.vcpu(0), keeps=False)))


def test_data_beside_code_change_in_their_version(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        slot = found.slot(3)
        found.cache.block(PhysicalPage(3), Virtual(BASE + 3 * PAGE))  # its first bytes are code
        (size,) = {block.size for block in blocks(found, slot)}
        for value in range(1, 9):
            found.vcpu.store(3 * PAGE + 2048, value)
            assert found.fetch_again() == FETCHED
            assert (found.slot(3), found.fields(3)["age"]) == (slot, 0)
            assert found.vcpu.fetched(3)[2048] == value
            assert bytes(found.cache.fetched[slot]) == found.vcpu.fetched(3)
            assert found.cache.slots["hash"][slot] == hash_of(found.cache.content(PhysicalPage(3)))
            assert found.fetch_again() == UNCHANGED
        found.vcpu.fence()
        assert found.slot(3) == slot, "Python finds it by its content"
        found.vcpu.store(3 * PAGE + size - 1, 1)
        assert found.fetch_again() == FETCHED
        assert (found.slot(3) != slot, found.fields(3)["age"]) == (True, 1)

    untouched(guest, run)


def blocks(found: Interpreting, slot: int) -> list[Any]:
    page = found.cache.page_in(slot)
    start = BASE + PAGE * page
    known = found.cache.known_blocks(slot)
    return [found.cache.block(page, Virtual(start + offset))[0] for offset in known]


@pytest.mark.parametrize("offset", [0, 2, 4, 1022, 1024, 4092])
def test_what_has_a_record_or_may_end_in_a_change_is_kept(guest: Guest, offset: int) -> None:
    def run(found: Interpreting) -> None:
        for number, distance in enumerate((-8, -4, 0, 4, 8)):
            page, place = 3 + number, offset + distance
            if not 0 <= place < PAGE:
                continue
            found.fetch(page)
            slot = found.slot(page)
            found.pages.words[found.pages._word(slot, offset)] = EMPTY + 1
            found.vcpu.store(page * PAGE + place, 1)
            assert found.fetch_again() == FETCHED
            word = place & -8
            touches = word - 2 <= offset < word + 8
            assert (found.slot(page) != slot) == touches, (offset, place)

    untouched(guest, run)


def test_what_another_fetches_and_what_was_translated_is_kept(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        found.fetch(5)
        third, fifth = found.slot(3), found.slot(5)
        found.cache.slots["users"][third] |= 2
        found.cache.met[third, 0] = 1
        word = found.cache.word_at(PhysicalPage(5), fifth, 100)
        assert not found.cache.keep(fifth, {100: word ^ 0x80})
        assert found.cache.keep(fifth, {100: word})
        for page in (3, 5):
            found.vcpu.store(page * PAGE + 100, 1)
        assert found.fetch_again() == FETCHED
        assert found.slot(3) != third and found.slot(5) != fifth

    untouched(guest, run)


def test_a_page_that_is_code_no_more_is_given_up_until_it_is_fetched(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        found.fetch(5)
        found.fetch(7)
        first, page = found.slot(3), PhysicalPage(3)
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        assert (page in found.cache.used, found.table[3]) == (False, GIVEN_UP)
        assert list(found.cache.used) == [5, 7]
        assert int(found.cache.slots["users"][first]) == 0
        assert found.jumps.pages[3] == address_of_array(found.jumps.nothing)
        versions = int(found.cache.header["slots"][0])
        for value in range(2, 9):
            found.vcpu.store(3 * PAGE, value)
            assert found.fetch_again() == UNCHANGED, "nobody looks at it"
        assert int(found.cache.header["slots"][0]) == versions
        assert found.fetched(3) == found.cache.content(page).tobytes()
        assert (found.slot(3) != first, list(found.cache.used)) == (True, [5, 7, 3])
        assert int(found.cache.slots["users"][found.slot(3)]) == 1
        assert found.cache.pc_of(found.slot(3), 8) == SEEN_AT + np.uint64(8)
        found.cache.met[found.slot(3), 5] = 1
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        assert found.vcpu.fetched(3)[0] == 1, "it is code again"

    untouched(guest, run)


def test_a_page_that_was_given_up_has_the_version_that_it_had(guest: Guest) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        first = found.slot(3)
        for value in (1, 0):
            found.vcpu.store(3 * PAGE, value)
            found.fetch_again()
        assert PhysicalPage(3) not in found.cache.used
        found.fetched(3)
        assert found.slot(3) == first
        found.vcpu.store(3 * PAGE, 9)
        found.fetch_again()
        found.fetch(3)  # by Python
        assert found.vcpu.fetched(3)[0] == 9
        assert found.fetch_again() == UNCHANGED

    untouched(guest, run)


@pytest.mark.parametrize("made", ["a block", "a record", "something kept"])
def test_what_something_was_made_of_is_not_given_up(guest: Guest, made: str) -> None:
    def run(found: Interpreting) -> None:
        found.fetch(3)
        slot = found.slot(3)
        if made == "a block":
            found.cache.index[slot, 2047] = 1
        elif made == "a record":
            found.pages.words[found.pages._word(slot, 4094)] = EMPTY + 1
        else:
            found.cache.kept[slot, 255] = 1
        found.vcpu.store(3 * PAGE, 1)
        assert found.fetch_again() == FETCHED
        assert found.vcpu.fetched(3)[0] == 1

    untouched(guest, run)
