"""Split virtqueues: what a driver offers and gets back, and rings that make no sense."""

import os
import random

import pytest
from virtio_driver import (
    AVAILABLE,
    BASE,
    DATA,
    DESCRIPTORS,
    INDIRECT,
    NEXT,
    RAM_BYTES,
    SIZE,
    USED,
    WRITE,
    Machine,
    make_queue,
    taken,
)

from mttcg.hardware.devices.virtio.block import BlockDevice
from mttcg.hardware.devices.virtio.disk import FileDisk
from mttcg.hardware.devices.virtio.layout import DeviceStatus
from mttcg.hardware.devices.virtio.queue import (
    MOST_IN_CHAIN,
    QueueError,
    QueuePlace,
    Virtqueue,
)
from mttcg.hardware.devices.virtio.transport import QUEUE_NOTIFY, STATUS
from mttcg.memory.address import Physical

FLAGS = (0, NEXT, NEXT, WRITE, WRITE | NEXT, INDIRECT)
FUZZED = int(os.environ.get("MTTCG_FUZZED_REQUESTS", "3000"))


def test_a_request_is_what_its_descriptors_say_however_it_is_divided() -> None:
    rings, queue, _ = make_queue()
    rings.ram.write(Physical(DATA), b"abcdefgh")
    rings.offer(rings.chain([(DATA, 3, False), (DATA + 3, 5, False), (DATA + 32, 4, True)], 5))
    chain = taken(queue)
    assert chain.head == 5
    assert (chain.readable.left, chain.writable.left) == (8, 4)
    assert chain.readable.read(4) == b"abcd"
    assert chain.readable.read(99) == b"efgh"
    assert chain.writable.write(b"1234567") == 4
    assert rings.ram.read(Physical(DATA + 32), 5) == b"1234\0"
    assert queue.take() is None


def test_the_last_byte_is_found_wherever_it_is() -> None:
    rings, queue, _ = make_queue()
    rings.offer(rings.chain([(DATA, 2, True), (DATA + 9, 1, True), (DATA + 20, 0, True)]))
    chain = taken(queue)
    places = [chain.writable.take_last() for _ in range(4)]
    assert [place is not None for place in places] == [True, True, True, False]
    assert places[0] is not None
    places[0][0] = 7
    assert rings.ram.read(Physical(DATA + 9), 1) == b"\7"


def test_what_is_given_back_is_told_before() -> None:
    rings, queue, told = make_queue()
    rings.offer(rings.chain([(DATA, 8, False), (DATA + 32, 4, True)]))
    queue.give_back(taken(queue), 4)
    assert rings.done() == [(0, 4)]
    assert told.pieces == [(DATA + 32, 4)]


def test_the_rings_go_round_for_ever() -> None:
    rings, queue, _ = make_queue()
    rings.chain([(DATA, 1, True)])
    for count in range((1 << 16) + SIZE):
        rings.offer(0)
        queue.give_back(taken(queue), count)
        assert rings.done() == [(0, count)]


def test_a_table_of_descriptors_may_lie_elsewhere() -> None:
    rings, queue, _ = make_queue()
    table = DATA + 0x100
    rings.describe(0, DATA, 4, NEXT, 2, at=table)
    rings.describe(2, DATA + 32, 8, WRITE, at=table)
    rings.describe(1, DATA + 8, 2, NEXT, 3)
    rings.describe(3, table, 48, INDIRECT)
    rings.offer(1)
    chain = taken(queue)
    assert (chain.head, chain.readable.left, chain.writable.left) == (1, 6, 8)


def test_interrupts_are_for_those_who_want_them() -> None:
    rings, queue, _ = make_queue()
    rings.chain([(DATA, 1, True)])
    for flags, wanted in ((0, True), (1, False), (0, True)):
        rings.flags(flags)
        rings.offer(0)
        queue.give_back(taken(queue), 1)
        assert queue.wants_interrupt() is wanted
        assert not queue.wants_interrupt(), "it was told"


def test_with_an_event_index_the_interrupt_comes_at_that() -> None:
    rings, queue, _ = make_queue(event_index=True)
    rings.chain([(DATA, 1, True)])
    rings.wait_for(2)
    found = []
    for _ in range(5):
        rings.offer(0)
        queue.give_back(taken(queue), 1)
        found.append(queue.wants_interrupt())
    assert found == [False, False, True, False, False]


def test_with_an_event_index_the_device_says_when_to_notify() -> None:
    rings, queue, _ = make_queue(event_index=True)
    rings.chain([(DATA, 1, True)])
    rings.offer(0)
    taken(queue)
    assert not queue.rearm()
    assert rings.notify_at == 1
    rings.offer(0)
    assert queue.rearm(), "there is more already"


@pytest.mark.parametrize(
    "place",
    [
        (0, DESCRIPTORS, AVAILABLE, USED),
        (3, DESCRIPTORS, AVAILABLE, USED),
        (1 << 16, DESCRIPTORS, AVAILABLE, USED),
        (SIZE, DESCRIPTORS + 8, AVAILABLE, USED),
        (SIZE, DESCRIPTORS, AVAILABLE + 1, USED),
        (SIZE, DESCRIPTORS, AVAILABLE, USED + 2),
        (SIZE, 0x1000, AVAILABLE, USED),
        (SIZE, DESCRIPTORS, BASE + RAM_BYTES - 16, USED),
        (SIZE, DESCRIPTORS, AVAILABLE, (1 << 64) - 16),
    ],
)
def test_a_queue_is_in_ram(place: tuple[int, int, int, int]) -> None:
    _, queue, _ = make_queue()
    with pytest.raises(QueueError):
        Virtqueue(queue.memory, QueuePlace(place[0], *map(Physical, place[1:])), False)


@pytest.mark.parametrize(
    ("descriptors", "wrong"),
    [
        ([(DATA, 4, NEXT, 0)], "more than 1024"),
        ([(DATA, 4, NEXT, 1), (DATA, 4, NEXT, 0)], "more than 1024"),
        ([(DATA, 4, NEXT, SIZE)], "descriptor 16 of 16"),
        ([(DATA, 4, WRITE | NEXT, 1), (DATA, 4, 0, 0)], "behind one to be written"),
        ([(BASE + RAM_BYTES - 2, 4, 0, 0)], "not in RAM"),
        ([(DATA, 0xFFFF_FFFF, 0, 0)], "not in RAM"),
        ([((1 << 64) - 2, 4, 0, 0)], "not in RAM"),
        ([(0, 0, WRITE, 0)], "not in RAM"),
        ([(DATA, 17, INDIRECT, 0)], "an indirect descriptor"),
        ([(DATA, 0, INDIRECT, 0)], "an indirect descriptor"),
        ([(DATA, 16, INDIRECT | NEXT, 1)], "an indirect descriptor"),
        ([(DESCRIPTORS, 16, INDIRECT, 0)], "an indirect descriptor"),
        ([(0x1000, 16, INDIRECT, 0)], "are outside RAM"),
    ],
)
def test_descriptors_that_make_no_sense_are_refused(
    descriptors: list[tuple[int, int, int, int]], wrong: str
) -> None:
    rings, queue, _ = make_queue()
    for number, described in enumerate(descriptors):
        rings.describe(number, *described)
    rings.offer(0)
    with pytest.raises(QueueError, match=wrong):
        queue.take()


def test_rings_that_make_no_sense_are_refused() -> None:
    rings, queue, _ = make_queue()
    rings.offer(SIZE)
    with pytest.raises(QueueError, match="descriptor 16 of 16"):
        queue.take()
    rings.word(AVAILABLE + 2, SIZE + 2)
    with pytest.raises(QueueError, match="17 requests are available in a queue of 16"):
        queue.take()


def test_the_longest_chain_is_taken() -> None:
    rings, queue, _ = make_queue()
    table = BASE + 0x2_0000
    for number in range(MOST_IN_CHAIN):
        following = NEXT if number + 1 < MOST_IN_CHAIN else 0
        rings.describe(number, DATA, 1, following, number + 1, at=table)
    rings.describe(0, table, 16 * MOST_IN_CHAIN, INDIRECT)
    rings.offer(0)
    assert taken(queue).readable.left == MOST_IN_CHAIN


@pytest.mark.parametrize("seed", range(4))
def test_no_ring_of_random_words_stops_a_device(seed: int) -> None:
    """The guest writes anything anywhere, and resets a device that has come to need it."""
    chance = random.Random(seed)
    descriptor = os.memfd_create("disk")
    os.ftruncate(descriptor, 1 << 16)
    device = BlockDevice(
        FileDisk(descriptor, 1 << 16), "disk", read_only=False, complain=lambda _error: None
    )
    machine = Machine(device)
    machine.begin(machine.features())
    places = [DATA + 8 * n for n in range(8)] + [DESCRIPTORS, DESCRIPTORS + 48, USED, 0, BASE - 1]
    sizes = (0, 1, 16, 16, 16, 32, 48, 512, 512, 0x8_0000, 0xFFFF_FFFF)
    broken = 0
    for _ in range(FUZZED):
        for number in range(chance.randrange(6)):
            flags = chance.choice((*FLAGS, chance.getrandbits(16)))
            at = chance.choice((0, 0, DATA))
            following = chance.randrange(SIZE + 1)
            machine.rings.describe(
                number, chance.choice(places), chance.choice(sizes), flags, following, at=at
            )
        header = chance.choice((0, 0, 1, 1, 4, 8, 11, 13, 99)).to_bytes(8, "little")
        machine.ram.write(Physical(DATA), header + chance.randrange(200).to_bytes(8, "little"))
        if chance.random() < 0.05:
            machine.rings.word(AVAILABLE + 2, chance.getrandbits(16))
        else:
            machine.rings.offer(chance.randrange(SIZE))
        machine.write(QUEUE_NOTIFY, 0)
        if machine.read(STATUS) & DeviceStatus.NEEDS_RESET:
            broken += 1
            machine.begin(machine.features())
    os.close(descriptor)
    assert FUZZED // 20 < broken < FUZZED
