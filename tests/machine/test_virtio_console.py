"""The virtio console: no key is lost, whatever the driver has buffers for."""

import contextlib
import os
import select
from collections.abc import Iterator

import pytest
from virtio_driver import DeviceQueues

from mttcg.hardware.devices.virtio.console import (
    MOST_BYTES,
    RECEIVED,
    SENT,
    ConsoleDevice,
    ConsoleFeature,
    WindowSize,
)
from mttcg.hardware.devices.virtio.layout import Interrupt
from mttcg.hardware.devices.virtio.transport import (
    CONFIG_GENERATION,
    CONFIG_START,
    INTERRUPT_STATUS,
)
from mttcg.vcpu.machine.console_ends import ConsoleEnds


class ConsoleMachine(DeviceQueues):
    """A machine with a console."""

    def __init__(self) -> None:
        self.keys, self.typing = os.pipe()
        self.shown, output = os.pipe()
        self.output = output
        os.set_blocking(self.keys, False)
        self.size: WindowSize | None = WindowSize(80, 24)
        ends = ConsoleEnds(output, self.keys)
        super().__init__(ConsoleDevice(ends, lambda: self.size), queues=2)

    def close(self) -> None:
        for descriptor in (self.keys, self.shown, self.output):
            os.close(descriptor)


@pytest.fixture
def machine() -> Iterator[ConsoleMachine]:
    machine = ConsoleMachine()
    machine.start(machine.features())
    yield machine
    machine.close()


def test_what_the_guest_sends_is_shown(machine: ConsoleMachine) -> None:
    machine.put(SENT, [b"hello, ", b"", b"world\n"])
    assert os.read(machine.shown, 100) == b"hello, world\n"


def test_keys_wait_for_buffers(machine: ConsoleMachine) -> None:
    assert machine.wanted() == {machine.keys: select.POLLIN}
    os.write(machine.typing, b"typed")
    machine.serve()
    assert machine.wanted() == {}, "it would be readable all the time"
    machine.give(RECEIVED, 3)
    assert machine.got(RECEIVED) == [b"typ"]
    machine.give(RECEIVED, 10)
    assert machine.got(RECEIVED) == [b"ed"]
    machine.give(RECEIVED, 10)
    assert machine.got(RECEIVED) == []
    assert machine.wanted() == {machine.keys: select.POLLIN}
    os.write(machine.typing, b"more")
    machine.serve()
    assert machine.got(RECEIVED) == [b"more"]
    os.close(machine.typing)
    machine.serve()
    assert machine.wanted() == {}, "no more will come"


def test_much_input_arrives_whole(machine: ConsoleMachine) -> None:
    text, found, sent = os.urandom(50_000), b"", 0
    os.set_blocking(machine.typing, False)
    while len(found) < len(text):
        if sent < len(text):
            with contextlib.suppress(BlockingIOError):
                sent += os.write(machine.typing, text[sent : sent + MOST_BYTES])
        machine.give(RECEIVED, 100)
        machine.give(RECEIVED, 1000)
        found += b"".join(machine.got(RECEIVED))
    assert found == text
    os.close(machine.typing)


def test_the_size_of_the_window_is_told_and_its_change(machine: ConsoleMachine) -> None:
    assert machine.features() & ConsoleFeature.SIZE
    assert [machine.front.read(CONFIG_START + at, 2) for at in (0, 2)] == [80, 24]
    before = machine.read(CONFIG_GENERATION)
    backend = machine.backend
    backend.look()
    assert machine.read(INTERRUPT_STATUS) == 0
    machine.size = WindowSize(132, 50)
    backend.look()
    assert machine.read(INTERRUPT_STATUS) == Interrupt.CONFIG
    assert machine.read(CONFIG_GENERATION) != before
    assert [machine.front.read(CONFIG_START + at, 2) for at in (0, 2)] == [132, 50]
    os.close(machine.typing)


def test_a_console_that_is_no_terminal_has_no_size() -> None:
    ends = ConsoleEnds(1, 0)
    assert not ConsoleDevice(ends, lambda: None).features & ConsoleFeature.SIZE


def test_what_was_sent_is_shown_at_the_end(machine: ConsoleMachine) -> None:
    backend, machine.bell.backend, machine.leaving = machine.backend, None, True
    machine.put(SENT, [b"last words"])
    assert backend.serve(), "not now"
    os.set_blocking(machine.shown, False)
    with pytest.raises(BlockingIOError):
        os.read(machine.shown, 100)
    backend.finish()
    assert os.read(machine.shown, 100) == b"last words"
    os.close(machine.typing)
