"""Stores to code are found: by whichever process, whenever, without comparing all code."""

import ctypes
import faulthandler
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tracked_guest import (
    BASE,
    CODE_PAGES,
    ENDED,
    PAGE,
    PATIENCE,
    REQUEST_STRIDE,
    ROUNDS,
    Guest,
    Vcpu,
    alone,
    ends_well,
    exchange_code,
    in_child,
    wait_for,
)

from mttcg.engine.tracking import layout
from mttcg.engine.tracking.device_writes import DeviceWrites
from mttcg.engine.tracking.layout import TrackingWord
from mttcg.memory.address import Physical, PhysicalPage
from mttcg.memory.host import address_of_buffer
from mttcg.memory.ram import RamRange


@pytest.fixture
def guest() -> Any:
    found = Guest(pages=16, vcpus=2)
    yield found
    found.close()


def test_unchanged_pages_are_not_compared_again(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        for page in range(5):
            vcpu.fetch(page)
        assert vcpu.fence() == []
        assert vcpu.watched == 5
        assert vcpu.fence() == []
        assert vcpu.watched == 0

    alone(run)


def test_a_store_of_its_own_to_a_protected_page_is_found_at_the_next_fence(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.settle()
        for value in (1, 2):
            vcpu.store(3 * PAGE + 8, value)
            assert vcpu.ram[3 * PAGE + 8] == value, "the store was made"
            assert vcpu.fence() == [3]
            assert vcpu.fetched(3)[8] == value
            assert vcpu.fence() == []

    alone(run)


def test_a_store_over_the_end_of_a_page_is_found_in_both(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.fetch(4)
        vcpu.settle()
        vcpu.ram[4 * PAGE - 4 : 4 * PAGE + 4] = b"abcdefgh"
        assert sorted(vcpu.fence()) == [3, 4]

    alone(run)


def test_the_end_of_an_instruction_in_the_next_page_is_tracked_as_well(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.ram[4 * PAGE - 2] = 3
        vcpu.fetch(3)
        vcpu.settle()
        assert vcpu.watched == 0
        vcpu.store(4 * PAGE, 7)
        assert vcpu.fence() == [3]
        assert vcpu.cache.slots["tail"][vcpu.cache.used[PhysicalPage(3)]] == 7
        vcpu.store(5 * PAGE, 7)
        assert vcpu.fence() == []

    alone(run)


def follow_in_child(guest: Guest, number: int, after: Callable[[Vcpu], None]) -> int:
    """Another vCPU, which says in messages[8 + number] how far it is; see `wait_for`."""

    def run() -> None:
        vcpu = guest.vcpu(number)
        guest.messages[8 + number] = 1
        wait_for(guest, 0, 1)
        after(vcpu)
        guest.messages[8 + number] = 2

    return in_child(run)


def test_a_store_of_a_vcpu_that_has_followed_is_found(guest: Guest) -> None:
    def store(vcpu: Vcpu) -> None:
        vcpu.tracking.follow()
        guest.messages[1] = 1
        wait_for(guest, 0, 2)
        vcpu.store(3 * PAGE, 5)

    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        other = follow_in_child(guest, 1, store)
        wait_for(guest, 9, 1)
        vcpu.settle()
        assert vcpu.watched == 1, "the other one has not protected it yet"
        guest.messages[0] = 1
        wait_for(guest, 1, 1)
        vcpu.settle()
        assert vcpu.watched == 0
        guest.messages[0] = 2
        wait_for(guest, 9, 2)
        assert vcpu.fence() == [3]
        assert ends_well(other)

    alone(run)


def test_a_store_of_a_vcpu_that_has_not_followed_yet_is_found(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        other = follow_in_child(guest, 1, lambda other: other.store(3 * PAGE, 5))
        wait_for(guest, 9, 1)
        vcpu.settle()
        assert guest.requests[REQUEST_STRIDE // 8] == 1, "it was asked to come and follow"
        assert guest.requests[0] == 0
        guest.messages[0] = 1
        wait_for(guest, 9, 2)
        assert vcpu.fence() == [3]
        assert ends_well(other)

    alone(run)


def test_a_vcpu_that_rests_is_not_waited_for_and_follows_when_it_goes_on(guest: Guest) -> None:
    def rest(vcpu: Vcpu) -> None:
        vcpu.tracking.rest()
        guest.messages[1] = 1
        wait_for(guest, 0, 2)
        vcpu.tracking.follow()
        vcpu.store(3 * PAGE, 5)

    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        other = follow_in_child(guest, 1, rest)
        guest.messages[0] = 1
        wait_for(guest, 1, 1)
        vcpu.settle()
        assert vcpu.watched == 0
        guest.messages[0] = 2
        wait_for(guest, 9, 2)
        assert vcpu.fence() == [3]
        assert ends_well(other)

    alone(run)


def test_data_beside_code_is_soon_written_without_faults(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.settle()
        shared = vcpu.tracking.shared
        for value in range(1, 200):
            vcpu.store(3 * PAGE, value)
            assert vcpu.fence() == [3]
        assert shared[layout.OPENED // 8] == 1

    alone(run)


def test_what_can_not_be_protected_is_compared_and_counted(guest: Guest) -> None:
    refuse = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)(
        lambda *_: -1
    )

    def run() -> None:
        vcpu = guest.vcpu(0)
        assert vcpu.fence() == []
        vcpu.tracking.words[TrackingWord.PROTECT] = ctypes.cast(refuse, ctypes.c_void_p).value
        vcpu.fetch(3)
        vcpu.settle()
        assert (vcpu.watched, vcpu.tracking.refused) == (1, 1)
        assert vcpu.tracking.warning.startswith("vCPU 0 could not write-protect 1 pages of code")
        vcpu.store(3 * PAGE, 1)
        assert vcpu.fence() == [3]
        for _ in range(200):
            assert vcpu.fence() == []
        assert vcpu.tracking.refused == 1, "it is not tried again"

    alone(run)


def test_what_another_process_than_a_vcpu_wrote_is_found(guest: Guest) -> None:
    def run() -> None:
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.settle()
        assert ends_well(in_child(lambda: unprotected_store(guest, 3 * PAGE)))
        vcpu.tracking.distrust()
        assert vcpu.fence() == [3]

    alone(run)


def unprotected_store(guest: Guest, place: int) -> None:
    """Store as a process that has mapped RAM by itself."""
    ram = memoryview(guest.maps["ram"])
    size = guest.pages * PAGE
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address_of_buffer(ram)), size, 3) == 0
    ram[place] = 99


def test_a_journal_that_went_round_is_caught_up_with() -> None:
    pages = layout.JOURNAL_ENTRIES + 100
    guest = Guest(pages, vcpus=2)

    def rest(vcpu: Vcpu) -> None:
        vcpu.tracking.rest()
        guest.messages[1] = 1
        wait_for(guest, 0, 2)
        vcpu.tracking.follow()
        for page in range(0, pages, 97):
            vcpu.store(page * PAGE, 5)

    def run() -> None:
        vcpu = guest.vcpu(0)
        other = follow_in_child(guest, 1, rest)
        guest.messages[0] = 1
        wait_for(guest, 1, 1)
        for page in range(pages):
            vcpu.fetch(page)
        vcpu.settle()
        assert vcpu.watched < pages
        for _ in range(3):
            vcpu.settle()
        assert vcpu.watched == 0
        guest.messages[0] = 2
        wait_for(guest, 9, 2)
        assert sorted(vcpu.fence()) == list(range(0, pages, 97))
        assert ends_well(other)

    alone(run)
    guest.close()


def status_of(work: Callable[[], None]) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(in_child(work), 0)[1])


def crash() -> None:
    ctypes.memset(64, 0, 8)


@pytest.mark.parametrize(
    "how", [crash, lambda: os.kill(os.getpid(), signal.SIGSEGV), lambda: ctypes.string_at(64)]
)
def test_what_is_no_store_to_ram_is_still_a_crash(
    guest: Guest, how: Callable[[], None], tmp_path: Path
) -> None:
    told = tmp_path / "told"

    def run() -> None:
        with told.open("w") as file:
            faulthandler.enable(file)
            vcpu = guest.vcpu(0)
            vcpu.fetch(3)
            vcpu.settle()
            vcpu.store(3 * PAGE, 1)
            how()

    assert status_of(run) == -signal.SIGSEGV
    assert "Segmentation fault" in told.read_text()


@pytest.mark.parametrize("vcpus", [1, 2, 8])
def test_code_of_others_is_never_seen_late(vcpus: int) -> None:
    guest = Guest(CODE_PAGES, vcpus)

    def run(number: int) -> None:
        vcpu = guest.vcpu(number)
        for page in range(CODE_PAGES):
            vcpu.fetch(page)
        exchange_code(vcpu, number, vcpu.fence, vcpu.fetched)

    assert ends_well(*[in_child(lambda n=number: run(n)) for number in range(vcpus)])  # type: ignore[misc]
    guest.close()


def write_and_tell(guest: Guest, page: int, value: int) -> None:
    """What a device does, in a process that is no vCPU."""
    guest.maps["ram"][page * PAGE + 8 : page * PAGE + 16] = value.to_bytes(8, "little")
    ram = RamRange(Physical(BASE), guest.pages * PAGE)
    place = Physical(BASE + page * PAGE + 8)
    DeviceWrites(memoryview(guest.maps["tracking"]), ram).tell([(place, 8)])


class Device:
    """A process that writes pages when asked; forked before there is a vCPU that protects any."""

    def __init__(self, guest: Guest) -> None:
        asked, self.asking = os.pipe()
        self.told, telling = os.pipe()

        def run() -> None:
            os.close(self.asking)
            while order := os.read(asked, 2):
                write_and_tell(guest, *order)
                os.write(telling, order)

        self.child = in_child(run)
        os.close(asked)
        os.close(telling)

    def write(self, page: int, value: int) -> None:
        os.write(self.asking, bytes((page, value)))
        assert os.read(self.told, 2) == bytes((page, value))

    def end(self) -> None:
        os.close(self.asking)
        assert ends_well(self.child)


def test_what_a_device_wrote_is_found_by_every_vcpu(guest: Guest) -> None:
    def watch(vcpu: Vcpu) -> None:
        vcpu.fetch(3)
        found = []
        until = time.monotonic() + PATIENCE
        while guest.messages[0] < 2:
            assert time.monotonic() < until
            found += vcpu.fence()
            guest.messages[1] = vcpu.watched == 0
        assert found + vcpu.fence() == [3]

    def run() -> None:
        device = Device(guest)
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.fetch(4)
        other = follow_in_child(guest, 1, watch)
        guest.messages[0] = 1
        until = time.monotonic() + PATIENCE
        while vcpu.watched or not guest.messages[1]:
            assert vcpu.fence() == []
            assert time.monotonic() < until, "the pages are compared for ever"
        device.write(3, 7)
        guest.messages[0] = 2
        assert vcpu.fence() == [3], "and no other page"
        assert vcpu.fetched(3)[8] == 7
        assert ends_well(other)
        device.end()

    alone(run)


def test_a_page_is_protected_again_after_a_device_wrote_it(guest: Guest) -> None:
    def run() -> None:
        device = Device(guest)
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.settle()
        for value in (1, 2):
            device.write(3, value)
            assert vcpu.fence() == [3]
            vcpu.settle()
            assert vcpu.watched == 0
        vcpu.store(3 * PAGE + 16, 5)
        assert vcpu.fence() == [3], "a store of its own is found"
        device.end()

    alone(run)


def test_pages_that_are_no_code_are_no_news(guest: Guest) -> None:
    def run() -> None:
        device = Device(guest)
        vcpu = guest.vcpu(0)
        vcpu.fetch(3)
        vcpu.settle()
        device.write(9, 1)
        shared = memoryview(guest.maps["tracking"]).cast("Q")
        assert shared[layout.WRITTEN_BY_DEVICES // 8] == 0
        assert vcpu.fence() == []
        device.end()

    alone(run)


def test_devices_write_at_random_while_vcpus_fence() -> None:
    """A device writes pages and says so; whoever has heard of it fetches what it wrote."""
    guest, pages = Guest(pages=16, vcpus=3), 4
    done = 8

    def fetch(number: int) -> Callable[[], None]:
        def run() -> None:
            vcpu = guest.vcpu(number)
            for page in range(pages):
                vcpu.fetch(page)
            until = time.monotonic() + PATIENCE
            while not guest.messages[done]:
                assert time.monotonic() < until
                vcpu.tracking.follow()
                heard = list(guest.messages[:pages])
                vcpu.fence()
                for page, value in enumerate(heard):
                    assert int.from_bytes(vcpu.fetched(page)[8:16], "little") >= value
                guest.messages[ENDED + number] += 1

        return run

    vcpus = [in_child(fetch(number)) for number in range(3)]
    for count in range(1, ROUNDS + 1):
        page = count % pages
        write_and_tell(guest, page, count)
        guest.messages[page] = count
        if count % 8 == 0:  # time to verify the pages, so that they are protected
            until = [guest.messages[ENDED + number] + 3 for number in range(3)]
            for number, value in enumerate(until):
                wait_for(guest, ENDED + number, value)
    guest.messages[done] = 1
    assert ends_well(*vcpus)
    shared = memoryview(guest.maps["tracking"]).cast("Q")
    assert shared[layout.WRITTEN_BY_DEVICES // 8] > ROUNDS // 100
    guest.close()
