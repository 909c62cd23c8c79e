"""The registers of virtio-mmio, and both halves of a device together."""

import pytest
from virtio_driver import DATA, Machine

from mttcg.hardware.devices.virtio.backend import OFFERED, Model, Served
from mttcg.hardware.devices.virtio.entropy import EntropyDevice
from mttcg.hardware.devices.virtio.layout import (
    BackWord,
    DeviceKind,
    Feature,
    FrontWord,
    Interrupt,
    QueueWord,
    Status,
    queue_word,
)
from mttcg.hardware.devices.virtio.queue import Chain, QueueError
from mttcg.hardware.devices.virtio.transport import (
    CONFIG_START,
    DEVICE_ID,
    INTERRUPT_ACK,
    INTERRUPT_STATUS,
    MAGIC,
    MAGIC_VALUE,
    QUEUE_MOST,
    QUEUE_NOTIFY,
    QUEUE_READY,
    QUEUE_SELECT,
    SHARED_MEMORY,
    STATUS,
    VENDOR_ID,
    VERSION_NUMBER,
)

AT_WORK = Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK | Status.DRIVER_OK


class Echo(Model):
    """Gives back what it is given; `config` can be read."""

    kind, queue_sizes, config = DeviceKind.ENTROPY, (16, 16), b"abcdefg"

    def serve(self, queue: int, chain: Chain) -> Served:
        return Served(chain.writable.write(chain.readable.read(chain.readable.left)))


class Refuses(Echo):
    """Finds every request wrong."""

    def serve(self, queue: int, chain: Chain) -> Served:
        raise QueueError("no room")


@pytest.fixture
def machine() -> Machine:
    return Machine(Echo())


def test_what_identifies_a_slot_is_there_without_a_device() -> None:
    empty = Machine(None)
    found = [empty.read(at) for at in (MAGIC_VALUE, VERSION_NUMBER, DEVICE_ID, VENDOR_ID)]
    assert found == [MAGIC, 2, 0, 0x554D4551]
    assert MAGIC.to_bytes(4, "little") == b"virt"
    empty.write(STATUS, 1)
    assert empty.read(STATUS) == 0
    assert empty.front.name == "virtio0"


def test_a_device_says_what_it_is_and_offers(machine: Machine) -> None:
    assert machine.read(DEVICE_ID) == DeviceKind.ENTROPY
    assert machine.features() == OFFERED
    assert machine.front.name == "virtio0 (entropy)"
    machine.write(QUEUE_SELECT, 1)
    assert machine.read(QUEUE_MOST) == 16
    machine.write(QUEUE_SELECT, 2)
    assert machine.read(QUEUE_MOST) == machine.read(QUEUE_READY) == 0
    assert [machine.read(at) for at in SHARED_MEMORY] == [0xFFFF_FFFF] * 4


def test_the_configuration_is_read_in_any_size_and_can_not_be_written(machine: Machine) -> None:
    machine.front.write(CONFIG_START, 4, 0)
    assert machine.front.read(CONFIG_START + 1, 1) == ord("b")
    assert machine.front.read(CONFIG_START + 2, 2) == int.from_bytes(b"cd", "little")
    assert machine.front.read(CONFIG_START, 8) == int.from_bytes(b"abcdefg", "little")
    assert machine.front.read(CONFIG_START + 0x200, 4) == 0


@pytest.mark.parametrize("size", [1, 2, 8])
def test_registers_are_accessed_whole(machine: Machine, size: int) -> None:
    machine.front.write(STATUS, size, 1)
    assert machine.read(STATUS) == 0
    assert machine.front.read(MAGIC_VALUE, size) == 0


@pytest.mark.parametrize(
    ("features", "agrees"),
    [
        (Feature.VERSION_1, True),
        (OFFERED, True),
        (0, True),
        (Feature.INDIRECT, True),
        (Feature.VERSION_1 | 1 << 40, False),
        (1 << 40, False),
    ],
)
def test_features_that_were_not_offered_are_refused(
    machine: Machine, features: int, agrees: bool
) -> None:
    assert machine.accept(features) is agrees


def test_features_stay_as_agreed(machine: Machine) -> None:
    machine.begin()
    machine.write(0x024, 0)
    machine.write(0x020, Feature.INDIRECT)
    words = machine.state.cast("Q")
    assert words[FrontWord.FEATURES] == Feature.VERSION_1


def test_a_request_is_served_and_the_interrupt_acknowledged(machine: Machine) -> None:
    machine.begin()
    machine.ram.write(DATA, b"hello")
    assert machine.request([(DATA, 5, False), (DATA + 64, 9, True)]) == 5
    assert machine.ram.read(DATA + 64, 9) == b"hello\0\0\0\0"
    assert machine.line.high
    assert machine.read(INTERRUPT_STATUS) == Interrupt.USED
    machine.write(INTERRUPT_ACK, Interrupt.CONFIG)
    assert machine.line.high
    machine.write(INTERRUPT_ACK, Interrupt.USED)
    assert not machine.line.high
    assert machine.read(INTERRUPT_STATUS) == 0
    assert machine.told.pieces == [(DATA + 64, 9)]


def test_requests_are_counted(machine: Machine) -> None:
    machine.begin()
    for _ in range(3):
        machine.request([(DATA, 5, False), (DATA + 64, 9, True)])
    words = machine.state.cast("Q")
    counted = (QueueWord.REQUESTS, QueueWord.READ, QueueWord.WRITTEN, QueueWord.FAILED)
    assert [words[queue_word(0, word)] for word in counted] == [3, 15, 15, 0]


def test_what_was_offered_before_the_driver_is_ready_is_served_then(machine: Machine) -> None:
    assert machine.accept(Feature.VERSION_1)
    machine.set_up()
    machine.rings.offer(machine.rings.chain([(DATA, 5, False), (DATA + 64, 9, True)]))
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.rings.done() == []
    machine.write(STATUS, AT_WORK)
    assert machine.rings.done() == [(0, 5)]


def test_a_reset_lets_a_driver_begin_anew(machine: Machine) -> None:
    machine.begin()
    machine.request([(DATA, 5, False), (DATA + 64, 9, True)])
    machine.write(STATUS, 0)
    assert machine.read(STATUS) == machine.read(INTERRUPT_STATUS) == 0
    assert not machine.line.high
    machine.write(QUEUE_SELECT, 0)
    assert machine.read(QUEUE_READY) == 0
    machine.begin()
    assert machine.request([(DATA, 5, False), (DATA + 64, 9, True)]) == 5


def test_a_queue_that_is_not_ready_is_not_served(machine: Machine) -> None:
    machine.begin()
    machine.write(QUEUE_READY, 0)
    machine.rings.offer(machine.rings.chain([(DATA, 5, False), (DATA + 64, 9, True)]))
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.rings.done() == []
    machine.rings.index = 0
    machine.set_up()
    machine.rings.word(0x8000_1002, 0)
    machine.rings.offer(0)
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.rings.done() == [(0, 5)], "it begins with its first entry"


def test_a_wrong_request_breaks_the_device_until_it_is_reset() -> None:
    machine = Machine(Refuses())
    machine.begin()
    machine.rings.offer(machine.rings.chain([(DATA, 5, False)]))
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.read(STATUS) == AT_WORK | Status.NEEDS_RESET
    assert machine.read(INTERRUPT_STATUS) == Interrupt.CONFIG
    assert machine.line.high
    assert machine.bell.backend is not None
    assert machine.bell.backend.wrong == "no room"
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.rings.done() == []
    machine.begin()
    assert machine.read(STATUS) == AT_WORK


def test_a_queue_larger_than_the_device_has_breaks_it(machine: Machine) -> None:
    machine.begin(size=32)
    assert machine.read(STATUS) & Status.NEEDS_RESET


def test_a_reset_waits_for_the_back_end_but_for_no_dead_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.begin()
    words = machine.state.cast("Q")
    words[BackWord.SERVING] = 1
    looks = []

    def look(_seconds: float) -> None:
        looks.append(words[FrontWord.STATUS])
        words[BackWord.SERVING] = 0

    monkeypatch.setattr("time.sleep", look)
    machine.write(STATUS, 0)
    assert looks == [0], "it waits when the back end can see that it was reset"
    words[BackWord.SERVING] = 1
    monkeypatch.setattr(machine.bell, "is_gone", lambda: True)
    machine.bell.backend = None
    machine.write(STATUS, 0)
    assert len(looks) == 1


def test_a_back_end_that_is_to_leave_has_more_to_do(machine: Machine) -> None:
    machine.begin()
    machine.leaving = True
    machine.rings.offer(machine.rings.chain([(DATA, 5, False), (DATA + 64, 9, True)]))
    backend = machine.bell.backend
    assert backend is not None
    assert backend.serve()
    assert machine.rings.done() == []
    machine.leaving = False
    assert not backend.serve()
    assert machine.rings.done() == [(0, 5)]


def test_the_entropy_device_fills_what_it_is_given() -> None:
    machine = Machine(EntropyDevice())
    machine.begin()
    assert machine.request([(DATA, 40, True), (DATA + 64, 24, True)]) == 64
    assert len(set(machine.ram.read(DATA, 40))) > 8
    large = 0x8_0000
    assert machine.request([(DATA, large, True)]) == 1 << 16
