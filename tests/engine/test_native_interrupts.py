"""The PLIC's and virtio's registers in native code, against the devices' classes in Python."""

import os
import random
from collections.abc import Iterator

import pytest
from test_native_devices import HARTS, Machine

from mttcg.engine.base import ExitKind
from mttcg.hardware.boards.riscv_virt import BOARD, PLIC, VIRTIO
from mttcg.hardware.devices.virtio.layout import BackWord, DeviceKind, FrontWord, Interrupt
from mttcg.hardware.devices.virtio.transport import (
    INTERRUPT_ACK,
    INTERRUPT_STATUS,
    QUEUE_NOTIFY,
    STATUS,
)
from mttcg.hardware.interrupts.plic import (
    CLAIM,
    CONTEXT,
    CONTEXT_STRIDE,
    ENABLE,
    ENABLE_STRIDE,
    Plic,
)
from mttcg.state.vcpu_state import Activity

SOURCES = (1, 2, 10, 33, 64, 95, 96)
"""The first is that of virtio's first slot; 10 is an edge source."""
CONTEXTS = 2 * HARTS
DEVICE = "virtio0"
FIRST_SOURCE = 1


class Wired(Machine):
    """A machine whose PLIC's lines the test drives, and with a virtio device that it plays."""

    @property
    def plic(self) -> Plic:
        found: Plic = self.bare.vcpu.devices.find(PLIC, 4)[0]
        return found

    def words(self) -> memoryview:
        return BOARD.state_of(DEVICE, self.bare.machine.device_state).cast("Q")

    def set_up(self, source: random.Random) -> None:
        for number in SOURCES:
            self.plic.write(4 * number, 4, source.randrange(4))
            for context in range(CONTEXTS):
                place = ENABLE + ENABLE_STRIDE * context + 4 * (number // 32)
                before = self.plic.read(place, 4)
                self.plic.write(place, 4, before | source.randrange(2) << number % 32)
        for context in range(CONTEXTS):
            self.plic.write(CONTEXT + CONTEXT_STRIDE * context, 4, source.randrange(2))

    def inputs(self) -> list[list[int]]:
        return [list(hart.lines) for hart in self.bare.harts.harts]


@pytest.fixture
def wired() -> Iterator[list[Wired]]:
    both = [Wired(native) for native in (True, False)]
    for machine in both:
        machine.words()[BackWord.DEVICE_ID] = DeviceKind.BLOCK
    yield both
    for machine in both:
        machine.close()


def claim_of(context: int) -> int:
    return PLIC + CONTEXT + CONTEXT_STRIDE * context + CLAIM


def test_claims_and_completions_are_those_of_the_class(wired: list[Wired]) -> None:
    for machine in wired:
        machine.set_up(random.Random("priorities"))
    source, claims, left = random.Random("requests"), [], 0
    for _ in range(120):
        what, number = source.randrange(5), source.choice(SOURCES)
        context, raised = source.randrange(CONTEXTS), source.randrange(3) > 0
        if what < 2:
            for machine in wired:
                machine.plic.drive(number, raised)
        elif what < 4:
            answers = [machine.load("lwu", claim_of(context)) for machine in wired]
            assert answers[0][1] == answers[1][1]
            claims.append(answers[0][1])
            left += len(answers[0][0])
        else:
            value = source.choice((number, 0, 97, (1 << 32) + number))
            exits = [machine.store("sw", claim_of(context), value) for machine in wired]
            left += exits[0].count(ExitKind.ACCESS)
        for machine in wired:
            machine.bare.hart.request = 0
        assert wired[0].inputs() == wired[1].inputs()
        assert bytes(wired[0].plic._state) == bytes(wired[1].plic._state)
    assert len(set(claims)) > len(SOURCES) // 2 and 0 in claims
    assert not left


def test_a_hart_that_sleeps_is_woken_by_what_a_completion_passes_on(wired: list[Wired]) -> None:
    machine, other = wired[0], wired[0].bare.harts.harts[1]
    machine.plic.write(4 * FIRST_SOURCE, 4, 1)
    machine.plic.write(ENABLE, 4, 1 << FIRST_SOURCE)
    machine.plic.write(ENABLE + 2 * ENABLE_STRIDE, 4, 1 << FIRST_SOURCE)
    machine.plic.drive(FIRST_SOURCE, True)
    machine.bare.hart.request = 0
    assert machine.load("lwu", claim_of(0)) == ([], FIRST_SOURCE)
    os.eventfd_read(machine.bare.wake_fds[1])  # of the line that was raised
    other.state, other.alert = Activity.IDLE, 0
    assert machine.store("sw", claim_of(0), FIRST_SOURCE) == []
    assert other.alert == 1
    assert os.eventfd_read(machine.bare.wake_fds[1]) == 1


def test_what_virtio_raised_is_seen_and_acknowledged(wired: list[Wired]) -> None:
    source, left = random.Random("virtio"), 0
    for machine in wired:
        machine.set_up(random.Random("priorities"))
    for _ in range(60):
        word = source.choice((BackWord.USED_RAISED, BackWord.CONFIG_RAISED))
        more, bits = source.randrange(3), source.randrange(1 << 3)
        for machine in wired:
            words = machine.words()
            words[word] += more
            machine.plic.drive(FIRST_SOURCE, words[word] != words[FrontWord.USED_TAKEN])
        answers = [machine.load("lw", VIRTIO + INTERRUPT_STATUS) for machine in wired]
        assert answers[0][1] == answers[1][1] <= Interrupt.USED | Interrupt.CONFIG
        exits = [machine.store("sw", VIRTIO + INTERRUPT_ACK, bits) for machine in wired]
        left += len(answers[0][0]) + exits[0].count(ExitKind.ACCESS)
        assert bytes(wired[0].words()) == bytes(wired[1].words())
        assert bytes(wired[0].plic._state) == bytes(wired[1].plic._state)
        assert wired[0].inputs() == wired[1].inputs()
        for machine in wired:
            machine.bare.hart.request = 0
    assert not left


def test_a_notification_reaches_the_other_half(wired: list[Wired]) -> None:
    machine = wired[0]
    assert machine.store("sw", VIRTIO + QUEUE_NOTIFY, 0) == []
    assert machine.store("sw", VIRTIO + QUEUE_NOTIFY, 0) == []
    assert os.eventfd_read(machine.bells[DEVICE]) == 2


def test_what_native_code_does_not_know_is_the_class_s(wired: list[Wired]) -> None:
    machine = wired[0]
    assert machine.load("lw", VIRTIO + STATUS) == ([ExitKind.ACCESS], 0)
    assert machine.load("lbu", VIRTIO + INTERRUPT_STATUS)[0] == [ExitKind.ACCESS]
    assert machine.store("sw", PLIC + CONTEXT, 3) == [ExitKind.ACCESS]
    assert machine.plic.read(CONTEXT, 4) == 3
    machine.words()[BackWord.DEVICE_ID] = DeviceKind.NONE
    assert machine.store("sw", VIRTIO + QUEUE_NOTIFY, 0) == [ExitKind.ACCESS]
