"""A folder of the host as a virtio device: what a driver sees of it."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from ninep_client import packed
from virtio_driver import DATA, Machine

from mttcg.hardware.devices.ninep.wire import HEADER, NO_FID, NinepMessage
from mttcg.hardware.devices.virtio.layout import (
    DeviceKind,
    DeviceStatus,
    QueueWord,
    queue_word,
)
from mttcg.hardware.devices.virtio.share import ShareDevice, ShareFeature
from mttcg.hardware.devices.virtio.transport import CONFIG_START, DEVICE_ID, QUEUE_NOTIFY, STATUS
from mttcg.host_folder import HostFolder
from mttcg.memory.address import Physical

REPLY = DATA + 0x4000


class SharingMachine(Machine):
    """A machine with a folder."""

    def __init__(self, folder: HostFolder) -> None:
        super().__init__(ShareDevice(folder, "the tag", may_write=False))
        self.begin(self.features())

    def ask(self, kind: int, codes: str, *values: object) -> bytes:
        """Have a message answered, in buffers that are divided anywhere."""
        body = packed(codes, values)
        message = HEADER.pack(HEADER.size + len(body), kind, 1) + body
        self.ram.write(Physical(DATA), message)
        parts = [(DATA, 3, False), (DATA + 3, len(message) - 3, False)]
        written = self.request([*parts, (REPLY, 5, True), (REPLY + 5, 0x4000, True)])
        answer = self.ram.read(Physical(REPLY), written)
        assert HEADER.unpack_from(answer)[0] == written
        return answer[HEADER.size :]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[SharingMachine]:
    (tmp_path / "file").write_bytes(bytes(range(256)) * 20)
    folder = HostFolder.at(tmp_path, follows=False)
    machine = SharingMachine(folder)
    yield machine
    assert machine.bell.backend is not None
    machine.bell.backend.finish()
    folder.close()


def test_a_driver_finds_the_tag(machine: SharingMachine) -> None:
    assert machine.read(DEVICE_ID) == DeviceKind.SHARE
    assert machine.features() & ShareFeature.MOUNT_TAG
    config = bytes(machine.front.read(CONFIG_START + at, 1) for at in range(12))
    assert config == struct.pack("<H", 7) + b"the tag" + bytes(3)


def test_a_file_comes_into_the_buffers(machine: SharingMachine) -> None:
    machine.ask(NinepMessage.VERSION, "Is", 8192, "9P2000.L")
    machine.ask(NinepMessage.ATTACH, "IIssI", 0, NO_FID, "", "", 0)
    machine.ask(NinepMessage.WALK, "IIHs", 0, 1, 1, "file")
    machine.ask(NinepMessage.OPEN, "II", 1, 0)
    content = machine.ask(NinepMessage.READ, "IQI", 1, 250, 4000)
    assert content[4:] == (bytes(range(256)) * 20)[250:4250]
    machine.ask(NinepMessage.OPEN, "II", 1, 1)
    words = machine.state.cast("Q")
    counts = [words[queue_word(0, word)] for word in (QueueWord.REQUESTS, QueueWord.FAILED)]
    assert counts == [6, 1]
    assert sum(piece.size for piece in machine.told.pieces) >= 4000, "the code cache is told"


def test_a_reset_closes_what_is_open(machine: SharingMachine) -> None:
    machine.ask(NinepMessage.ATTACH, "IIssI", 0, NO_FID, "", "", 0)
    machine.begin(machine.features())
    (number,) = struct.unpack_from("<I", machine.ask(NinepMessage.GET_ATTRIBUTES, "IQ", 0, 0))
    assert number == 9  # EBADF


def test_a_request_without_room_for_an_answer_breaks_the_device(machine: SharingMachine) -> None:
    machine.rings.offer(machine.rings.chain([(DATA, 7, False), (REPLY, 10, True)]))
    machine.write(QUEUE_NOTIFY, 0)
    assert machine.read(STATUS) & DeviceStatus.NEEDS_RESET
