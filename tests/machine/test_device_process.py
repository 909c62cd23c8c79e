"""What the device process makes of what a run attaches, and whether it has nothing to do."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from virtio_driver import DATA, Machine

from mttcg.attached import Drive, Net, Share, parse_drive, parse_net, parse_share
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.hardware.boards import DEFAULT_BOARD, board_named
from mttcg.hardware.devices.virtio.block import SECTOR, BlockDevice, BlockFeature
from mttcg.hardware.devices.virtio.disk import FileDisk, OverlaidDisk
from mttcg.hardware.devices.virtio.entropy import EntropyDevice
from mttcg.memory.address import Physical
from mttcg.processes.attachments import DeviceAttachment, attachments
from mttcg.processes.device_models import DeviceParts, address_of, make_model
from mttcg.vcpu.machine.device_activity import DeviceActivity, RestingDevices


def parts(fds: dict[str, int], warn: Callable[[str], None] = lambda _text: None) -> DeviceParts:
    return DeviceParts(fds, None, lambda: None, warn)


def test_devices_take_the_slots_in_the_order_of_the_options() -> None:
    config = Config(
        guest=Path("a.elf"),
        drives=("a.img,write", "b.img"),  # type: ignore[arg-type]
        rng=True,
        console="virtio",
        shares=("dir", "other,tag=x"),  # type: ignore[arg-type]
        nets=("connect=a.sock",),  # type: ignore[arg-type]
    )
    found = attachments(config, board_named(DEFAULT_BOARD))
    assert [(each.row, each.kind, each.source) for each in found] == [
        ("virtio0", "block", "a.img"),
        ("virtio1", "block", "b.img"),
        ("virtio2", "entropy", ""),
        ("virtio3", "console", ""),
        ("virtio4", "share", "dir"),
        ("virtio5", "share", "other"),
        ("virtio6", "network", "connect=a.sock"),
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dir", Share(Path("dir"))),
        ("dir,write", Share(Path("dir"), "write")),
        ("a,,b,tag=my tag,write", Share(Path("a,b"), "write", "my tag")),
    ],
)
def test_shares_are_read_from_texts(text: str, expected: Share) -> None:
    assert parse_share(text) == expected


@pytest.mark.parametrize("text", ["", ",write", "dir,tag=", "dir,readwrite", f"d,tag={101 * 'x'}"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(OptionError, match="--share"):
        parse_share(text)


def test_two_shares_have_two_tags() -> None:
    with pytest.raises(OptionError, match="2 have the tag 'share'"):
        Config(guest=Path("a.elf"), shares=("a", "b"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("passt", Net("passt")),
        ("listen=/tmp/a,,b", Net("listen", Path("/tmp/a,b"))),
        ("connect=c,mac=52:54:00:AB:00:01", Net("connect", Path("c"), "52:54:00:ab:00:01")),
    ],
)
def test_nets_are_read_from_texts(text: str, expected: Net) -> None:
    assert parse_net(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "user", "listen", "listen=", "passt=x", "passt,mac=1", "passt,mac=01:00:00:00:00:00"],
)
def test_what_is_no_net(text: str) -> None:
    with pytest.raises(OptionError, match="--net"):
        parse_net(text)


def test_both_ends_of_a_cable_have_addresses_of_their_own() -> None:
    nets = [parse_net(text) for text in ("listen=a", "connect=a", "passt,mac=02:00:00:00:00:09")]
    addresses = [address_of(net, number) for net in nets for number in (0, 1)]
    assert len(set(addresses)) == 5
    assert addresses[0] == bytes.fromhex("525400123456")
    assert addresses[-1] == bytes.fromhex("020000000009")


@pytest.mark.parametrize("access", ["", "write", "readonly"])
def test_a_drive_is_the_disk_that_it_is_to_be(access: str, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4 * SECTOR))
    attachment = DeviceAttachment("virtio0", "block", Drive(path, access))
    fds = {attachment.file: os.open(path, os.O_RDWR)}
    if not access:
        fds[attachment.overlay] = os.memfd_create("overlay")
    model = make_model(attachment, parts(fds))
    assert isinstance(model, BlockDevice)
    assert isinstance(model.disk, FileDisk if access else OverlaidDisk)
    assert bool(model.features & BlockFeature.READ_ONLY) is (access == "readonly")
    for descriptor in fds.values():
        os.close(descriptor)


def test_what_the_host_refuses_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(4 * SECTOR))
    attachment = DeviceAttachment("virtio0", "block", Drive(path, "write"))
    descriptor, said = os.open(path, os.O_RDONLY), list[str]()
    model = make_model(attachment, parts({attachment.file: descriptor}, said.append))
    machine = Machine(model)
    machine.begin()
    machine.ram.write(Physical(DATA), bytes((1, *bytes(15))))
    for _ in range(3):
        machine.request([(DATA, 16, False), (DATA, SECTOR, False), (DATA + 64, 1, True)])
        assert machine.ram.read(Physical(DATA + 64), 1) == b"\1"
    assert said == [f"--drive {path}: Bad file descriptor: the guest sees an I/O error"]
    os.close(descriptor)


def test_entropy_needs_no_file() -> None:
    assert isinstance(make_model(DeviceAttachment("virtio0", "entropy"), parts({})), EntropyDevice)


def test_a_device_process_is_quiet_when_it_has_done_all() -> None:
    activity = DeviceActivity(memoryview(bytearray(64)).cast("Q"))
    bell = os.eventfd(0, os.EFD_NONBLOCK)
    assert activity.quiet([bell]) == RestingDevices(0)
    os.eventfd_write(bell, 1)
    assert activity.quiet([bell]) is None, "it was notified"
    activity.busy = 1
    os.eventfd_read(bell)
    assert activity.quiet([bell]) is None, "it is about it"
    activity.rounds, activity.busy = 1, 0
    assert activity.quiet([bell]) == RestingDevices(1)
    os.close(bell)
