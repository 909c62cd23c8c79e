"""What the device process makes of what a run attaches to the slots of its board."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from mttcg.attached import CONNECT, LISTEN, READ_ONLY, WRITTEN, Net
from mttcg.hardware.devices.virtio.backend import Model
from mttcg.hardware.devices.virtio.block import BlockDevice
from mttcg.hardware.devices.virtio.console import ConsoleDevice, ConsoleStream, WindowSize
from mttcg.hardware.devices.virtio.disk import Disk, FileDisk, OverlaidDisk
from mttcg.hardware.devices.virtio.entropy import EntropyDevice, SeededBytes
from mttcg.hardware.devices.virtio.frame_stream import FrameStream
from mttcg.hardware.devices.virtio.network import NetworkDevice
from mttcg.hardware.devices.virtio.ports import Port, PortsDevice, PortSink, PortSource
from mttcg.hardware.devices.virtio.share import ShareDevice
from mttcg.host_folder import HostFolder
from mttcg.processes.attachments import STREAMS, DeviceAttachment
from mttcg.vcpu.machine.shared import MachineState

ADDRESS = bytes.fromhex("52 54 00 12 34 56")
"""Of the first network device, as on QEMU."""
SEED_BYTES = 64
"""Of random numbers for a guest's own."""
ENDS = 2
"""Addresses for each: the two ends of a cable have different ones."""


class DeviceParts(NamedTuple):
    """What devices are made of.

    Attributes:
        fds: descriptors by name.
        console: the other end of a virtio console, None if there is none.
        window_size: of the terminal that it is on, None if it is on none.
        warn: tells the user something.
        seed: of random numbers; None: they are the host's.
    """

    fds: Mapping[str, int]
    console: ConsoleStream | None
    window_size: Callable[[], WindowSize | None]
    warn: Callable[[str], None]
    seed: str | None = None


def window_size(machine: MachineState) -> WindowSize | None:
    """The size of the terminal that the console is on."""
    size = WindowSize(*machine.window_size)
    return size if all(size) else None


def make_model(attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    """What is in a slot."""
    return MAKERS[attachment.kind](attachment, parts)


def make_disk(attachment: DeviceAttachment, fds: Mapping[str, int]) -> Disk:
    """The disk of a drive, whose files the supervisor has opened."""
    below = fds[attachment.file]
    size = os.lseek(below, 0, os.SEEK_END)
    if attachment.overlay in fds:
        return OverlaidDisk(below, fds[attachment.overlay], size)
    return FileDisk(below, size)


def _block(attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    told: set[int | None] = set()

    def complain(error: OSError) -> None:
        if error.errno not in told:
            told.add(error.errno)
            wrong = f"{error.strerror}: the guest sees an I/O error"
            parts.warn(f"--drive {attachment.source}: {wrong}")

    disk, drive = make_disk(attachment, parts.fds), attachment.drive
    read_only = drive is not None and drive.access == READ_ONLY
    return BlockDevice(disk, attachment.row, read_only=read_only, complain=complain)


def _entropy(_attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    return EntropyDevice(None if parts.seed is None else SeededBytes(parts.seed))


def _console(_attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    assert parts.console is not None
    return ConsoleDevice(parts.console, parts.window_size)


def _share(attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    share = attachment.share
    assert share is not None
    folder = HostFolder(parts.fds[attachment.file], follows=False)
    return ShareDevice(folder, share.tag, may_write=share.access == WRITTEN)


def _network(attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    net = attachment.net
    assert net is not None

    def tell(why: str) -> None:
        if net.peer != LISTEN:  # where others come and go
            parts.warn(f"--net {attachment.source}: nobody is there any more: {why}")

    end = socket.socket(fileno=parts.fds[attachment.file])
    listens = net.peer == LISTEN
    stream = FrameStream(end if listens else None, None if listens else end, tell)
    return NetworkDevice(stream, address_of(net, attachment.number))


def _ports(attachment: DeviceAttachment, parts: DeviceParts) -> Model:
    descriptors = {
        field: parts.fds[name] for field, name in zip(STREAMS, attachment.streams, strict=True)
    }

    def complain(stream: str, error: OSError) -> None:
        parts.warn(f"{stream}: {error.strerror}: the program's later output is lost")

    sinks = {
        Port.OUTPUT: PortSink(descriptors["output"], partial(complain, "standard output")),
        Port.ERRORS: PortSink(descriptors["errors"], partial(complain, "standard error")),
    }
    sources = PortSource(descriptors["signals"]), PortSource(descriptors["input"])
    return PortsDevice(*sources, sinks, partial(task_of, descriptors["task"]))


def task_of(file: int) -> bytes:
    """What the guest's first process is to do: the file's records (programs/init/task.h).

    Before them comes what no two runs have alike, also if they go on from one snapshot.
    """
    records = f"k{time.time_ns()}\0s{os.urandom(SEED_BYTES).hex()}\0".encode()
    return records + os.pread(file, os.fstat(file).st_size, 0)


def address_of(net: Net, number: int) -> bytes:
    """The address of a network device, the one with that number among them."""
    if net.mac:
        return bytes.fromhex(net.mac.replace(":", ""))
    last = ADDRESS[-1] + ENDS * number + (net.peer == CONNECT)
    return ADDRESS[:-1] + bytes((last,))


MAKERS: Mapping[str, Callable[[DeviceAttachment, DeviceParts], Model]] = {
    "block": _block,
    "entropy": _entropy,
    "console": _console,
    "share": _share,
    "network": _network,
    "ports": _ports,
}
