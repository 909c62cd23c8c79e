"""What the device process makes of what a run attaches, and whether it has nothing to do."""

import os
from pathlib import Path

import pytest
from virtio_driver import DATA, Machine

from mttcg.attached import Drive, parse_drive
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.hardware.boards import DEFAULT_BOARD, board_named
from mttcg.hardware.devices.virtio.block import SECTOR, BlockDevice, BlockFeature
from mttcg.hardware.devices.virtio.disk import FileDisk, OverlaidDisk
from mttcg.hardware.devices.virtio.entropy import EntropyDevice
from mttcg.memory.address import Physical
from mttcg.processes.attachments import Attachment, attachments
from mttcg.processes.device_process import make_model
from mttcg.vcpu.device_activity import DeviceActivity, Quiet


def test_devices_take_the_slots_in_the_order_of_the_options() -> None:
    config = Config(guest=Path("a.elf"), drives=("a.img,write", "b.img"), rng=True)  # type: ignore[arg-type]
    found = attachments(config, board_named(DEFAULT_BOARD))
    assert [(each.row, each.kind, each.source) for each in found] == [
        ("virtio0", "block", "a.img"),
        ("virtio1", "block", "b.img"),
        ("virtio2", "entropy", ""),
    ]


def test_there_are_no_more_devices_than_slots() -> None:
    config = Config(guest=Path("a.elf"), drives=("a.img",) * 8, rng=True)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="9 devices"):
        attachments(config, board_named(DEFAULT_BOARD))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.img", Drive(Path("a.img"))),
        ("a.img,write", Drive(Path("a.img"), "write")),
        ("a.img,readonly,format=raw", Drive(Path("a.img"), "readonly")),
        ("a,,b,,,write", Drive(Path("a,b,"), "write")),
    ],
)
def test_drives_are_read_from_texts(text: str, expected: Drive) -> None:
    assert parse_drive(text) == expected


@pytest.mark.parametrize("access", ["", "write", "readonly"])
def test_a_drive_is_the_disk_that_it_is_to_be(access: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4 * SECTOR))
    attachment = Attachment("virtio0", "block", Drive(path, access))
    fds = {attachment.file: os.open(path, os.O_RDWR)}
    if not access:
        fds[attachment.overlay] = os.memfd_create("overlay")
    model = make_model(attachment, fds, lambda _text: None)
    assert isinstance(model, BlockDevice)
    assert isinstance(model.disk, FileDisk if access else OverlaidDisk)
    assert bool(model.features & BlockFeature.READ_ONLY) is (access == "readonly")
    for descriptor in fds.values():
        os.close(descriptor)


def test_what_the_host_refuses_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4 * SECTOR))
    attachment = Attachment("virtio0", "block", Drive(path, "write"))
    descriptor, said = os.open(path, os.O_RDONLY), list[str]()
    model = make_model(attachment, {attachment.file: descriptor}, said.append)
    machine = Machine(model)
    machine.begin()
    machine.ram.write(Physical(DATA), bytes((1, *bytes(15))))
    for _ in range(3):
        machine.request([(DATA, 16, False), (DATA, SECTOR, False), (DATA + 64, 1, True)])
        assert machine.ram.read(Physical(DATA + 64), 1) == b"\1"
    assert said == [f"--drive {path}: Bad file descriptor: the guest sees an I/O error"]
    os.close(descriptor)


def test_entropy_needs_no_file() -> None:
    assert isinstance(
        make_model(Attachment("virtio0", "entropy"), {}, lambda _text: None), EntropyDevice
    )


def test_a_device_process_is_quiet_when_it_has_done_all() -> None:
    activity = DeviceActivity(memoryview(bytearray(64)).cast("Q"))
    bell = os.eventfd(0, os.EFD_NONBLOCK)
    assert activity.quiet([bell]) == Quiet(0)
    os.eventfd_write(bell, 1)
    assert activity.quiet([bell]) is None, "it was notified"
    activity.busy = 1
    os.eventfd_read(bell)
    assert activity.quiet([bell]) is None, "it is about it"
    activity.rounds, activity.busy = 1, 0
    assert activity.quiet([bell]) == Quiet(1)
    os.close(bell)
