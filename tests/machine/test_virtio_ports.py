"""The ports of a program's streams: nothing is lost, and each end is told."""

import json
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from virtio_driver import DeviceQueues

from mttcg.hardware.devices.virtio.backend import NotKeptError
from mttcg.hardware.devices.virtio.ports import (
    FROM_GUEST,
    MESSAGE,
    MULTIPORT,
    QUEUES,
    RECEIVING,
    TO_GUEST,
    Event,
    Port,
    PortsDevice,
    PortSink,
    PortSource,
)
from mttcg.hardware.devices.virtio.transport import CONFIG_START

CONTROL, INPUT = RECEIVING[Port.CONTROL], RECEIVING[Port.INPUT]
OUTPUT, ERRORS = RECEIVING[Port.OUTPUT] + 1, RECEIVING[Port.ERRORS] + 1


class PortsMachine(DeviceQueues):
    """A machine with the device, and the other ends of its descriptors."""

    def __init__(self) -> None:
        self.signals, self.signalling = os.pipe()
        self.input, self.typing = os.pipe()
        self.shown, self.output = os.pipe()
        self.complaints, self.errors = os.pipe()
        self.complained: list[OSError] = []
        sinks = {
            Port.OUTPUT: PortSink(self.output, self.complained.append),
            Port.ERRORS: PortSink(self.errors, self.complained.append),
        }
        self.task = b"a task"
        sources = PortSource(self.signals), PortSource(self.input)
        super().__init__(PortsDevice(*sources, sinks, lambda: self.task), QUEUES)

    def begin_program(self) -> None:
        self.give(CONTROL, 16)
        self.put(CONTROL + 1, [b"R"])

    def messages(self) -> list[tuple[int, int, int]]:
        return [MESSAGE.unpack(each) for each in self.got(TO_GUEST)]


@pytest.fixture
def machine() -> Iterator[PortsMachine]:
    with another() as machine:
        machine.start(machine.features())
        yield machine


@contextmanager
def another() -> Iterator[PortsMachine]:
    machine = PortsMachine()
    yield machine
    names = ("signals", "signalling", "input", "typing", "shown", "output", "complaints", "errors")
    for name in names:
        descriptor = getattr(machine, name)
        if descriptor >= 0:
            os.close(descriptor)


def test_a_driver_is_told_of_the_ports(machine: PortsMachine) -> None:
    assert machine.features() & MULTIPORT
    assert machine.front.read(CONFIG_START + 4, 4) == len(Port)
    for _ in range(2 * len(Port)):
        machine.give(TO_GUEST, 8)
    machine.put(FROM_GUEST, [MESSAGE.pack(0, Event.DEVICE_READY, 1)])
    assert machine.messages() == [(port, Event.PORT_ADD, 0) for port in Port]
    for port in Port:
        machine.put(FROM_GUEST, [MESSAGE.pack(port, Event.PORT_READY, 1)])
        assert machine.messages() == [(port, Event.PORT_OPEN, 1)]


def test_input_waits_until_it_is_wanted_and_its_end_is_told(machine: PortsMachine) -> None:
    os.write(machine.typing, b"early")
    machine.give(INPUT, 100)
    machine.give(TO_GUEST, 8)
    assert machine.wanted() == {}
    assert machine.got(INPUT) == []
    machine.begin_program()
    assert machine.got(INPUT) == [b"early"]
    assert machine.wanted() == dict.fromkeys((machine.signals, machine.input), select.POLLIN)
    os.write(machine.typing, b"late")
    os.close(machine.typing)
    machine.typing = -1
    machine.serve()
    assert machine.input not in machine.wanted(), "there is no buffer"
    machine.give(INPUT, 2)
    assert machine.got(INPUT) == [b"la"]
    assert machine.messages() == []
    machine.give(INPUT, 2)
    machine.give(INPUT, 2)
    assert machine.got(INPUT) == [b"te"]
    assert machine.messages() == [(Port.INPUT, Event.PORT_OPEN, 0)]


def test_streams_are_apart_and_wait_each_for_its_reader(machine: PortsMachine) -> None:
    text = os.urandom(60_000)
    for _ in range(3):
        machine.put(OUTPUT, [text])
    machine.put(ERRORS, [b"errors"])
    assert os.read(machine.complaints, 100) == b"errors"
    machine.begin_program()
    assert machine.wanted()[machine.output] == select.POLLOUT
    machine.give(CONTROL, 16)
    machine.put(CONTROL + 1, [b"E"])
    assert machine.got(CONTROL) == [], "there is more to come"
    found = b""
    while len(found) < 3 * len(text):
        found += os.read(machine.shown, 1 << 16)
        machine.serve()
    assert found == 3 * text
    machine.serve()
    assert machine.got(CONTROL) == [b"\0"]


def test_a_task_comes_when_the_guest_asks_and_before_all_signals(machine: PortsMachine) -> None:
    os.write(machine.signalling, bytes((15,)))
    for _ in range(3):
        machine.give(CONTROL, 16)
    assert machine.got(CONTROL) == []
    for _ in range(2):  # it is told once
        machine.put(CONTROL + 1, [b"T"])
    assert b"".join(machine.got(CONTROL)) == struct.pack("<Q", 6) + b"a task"
    machine.put(CONTROL + 1, [b"R"])
    assert machine.got(CONTROL) == [bytes((15,))]


def test_a_device_without_a_program_is_kept(machine: PortsMachine) -> None:
    for _ in Port:
        machine.give(TO_GUEST, 8)
    machine.put(FROM_GUEST, [MESSAGE.pack(0, Event.DEVICE_READY, 1)])
    machine.messages()
    machine.put(FROM_GUEST, [MESSAGE.pack(Port.INPUT, Event.PORT_READY, 1)])  # it waits
    kept = json.loads(json.dumps(machine.backend.kept()))
    with another() as other:
        other.start(other.features())
        other.backend.restore(kept)
        other.give(TO_GUEST, 8)
        assert other.messages() == [(Port.INPUT, Event.PORT_OPEN, 1)]
        other.give(CONTROL, 16)
        other.put(CONTROL + 1, [b"T"])
        assert len(other.got(CONTROL)) == 1


def test_a_device_with_a_program_is_not_kept(machine: PortsMachine) -> None:
    machine.put(CONTROL + 1, [b"T"])
    with pytest.raises(NotKeptError, match="a program of mttcg exec runs"):
        machine.backend.kept()


def test_a_stream_that_nobody_reads_is_shut(machine: PortsMachine) -> None:
    os.close(machine.shown)
    machine.shown = -1
    machine.give(TO_GUEST, 8)
    machine.put(OUTPUT, [b"lost"])
    assert machine.messages() == [(Port.OUTPUT, Event.PORT_OPEN, 0)]
    machine.put(OUTPUT, [b"lost, too"])
    assert machine.messages() == []
    assert machine.complained == []


def test_signals_go_to_the_program(machine: PortsMachine) -> None:
    machine.begin_program()
    os.write(machine.signalling, bytes((2, 15)))
    machine.serve()
    assert machine.got(CONTROL) == [bytes((2, 15))]


def test_a_device_that_is_full_is_told_of(machine: PortsMachine) -> None:
    with Path("/dev/full").open("wb") as full:
        os.dup2(full.fileno(), machine.output)
        machine.put(OUTPUT, [b"much"])
    assert [error.strerror for error in machine.complained] == ["No space left on device"]
