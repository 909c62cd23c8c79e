"""A client of the 9P server, in one process with it: what a test asks for, and what it gets."""

import os
import struct
from typing import Any, NamedTuple

from mttcg.hardware.devices.ninep.server import Server
from mttcg.hardware.devices.ninep.wire import HEADER, NO_FID, QID, NinepMessage
from mttcg.hardware.devices.virtio.memory import Buffers, Piece
from mttcg.host_folder import HostFolder
from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam

BASE, REQUEST, REPLY, RAM_BYTES = 0x8000_0000, 0x8000_0000, 0x8010_0000, 4 << 20
ROOT = 0
TAG = 7


class Qid(NamedTuple):
    kind: int
    version: int
    path: int


class RefusedError(OSError):
    """The server says that it failed."""


def text(value: str) -> bytes:
    data = os.fsencode(value)
    return struct.pack("<H", len(data)) + data


def packed(codes: str, values: tuple[Any, ...]) -> bytes:
    """Fields as the codes say, "s" a text."""
    parts = [
        text(value) if code == "s" else struct.pack(f"<{code}", value)
        for code, value in zip(codes, values, strict=True)
    ]
    return b"".join(parts)


class NinepClient:
    """Asks a server for a folder."""

    def __init__(self, folder: HostFolder, *, may_write: bool = True, attach: bool = True) -> None:
        self.server = Server(folder, may_write=may_write)
        self.ram = GuestRam(Physical(BASE), memoryview(bytearray(RAM_BYTES)))
        self.number = ROOT
        if attach:
            self.ask(NinepMessage.VERSION, "Is", 1 << 18, "9P2000.L")
            self.ask(NinepMessage.ATTACH, "IIssI", ROOT, NO_FID, "root", "", 0)

    def send(self, request: bytes, room: int = 1 << 19) -> bytes:
        """Send bytes as they are; the answer, as long as the server says that it is."""
        self.ram.write(Physical(REQUEST), request)
        reply = Buffers(self.ram, [Piece(Physical(REPLY), room)])
        given = Buffers(self.ram, [Piece(Physical(REQUEST), len(request))])
        answered = self.server.answer(given, reply)
        found = self.ram.read(Physical(REPLY), answered.written)
        size, kind, _ = HEADER.unpack_from(found)
        assert size == answered.written <= room
        assert (kind == NinepMessage.ERROR) == answered.failed
        return found

    def ask(self, kind: int, codes: str, *values: Any, data: bytes = b"") -> bytes:
        """Ask for something; the answer's fields. Raises RefusedError."""
        body = packed(codes, values) + data
        answer = self.send(HEADER.pack(HEADER.size + len(body), kind, TAG) + body)
        _, answered, tag = HEADER.unpack_from(answer)
        assert tag == TAG
        if answered == NinepMessage.ERROR:
            (number,) = struct.unpack_from("<I", answer, HEADER.size)
            raise RefusedError(number, os.strerror(number))
        assert answered == kind + 1
        return answer[HEADER.size :]

    def walk(self, *names: str, fid: int = ROOT) -> int:
        """A new fid for what names lead to; raises RefusedError, also if not all do."""
        self.number += 1
        tail = b"".join(map(text, names))
        body = struct.pack("<IIH", fid, self.number, len(names)) + tail
        found = self.ask(NinepMessage.WALK, "", data=body)
        (count,) = struct.unpack_from("<H", found)
        if count < len(names):
            raise RefusedError(0, f"{count} of {len(names)} names")
        return self.number

    def open(self, fid: int, flags: int = os.O_RDONLY) -> Qid:
        return self.qid(self.ask(NinepMessage.OPEN, "II", fid, flags))

    def create(self, name: str, flags: int = os.O_RDWR, mode: int = 0o644) -> int:
        fid = self.walk()
        self.ask(NinepMessage.CREATE, "IsIII", fid, name, flags, mode, 0)
        return fid

    def read(self, fid: int, offset: int = 0, count: int = 1 << 16) -> bytes:
        found = self.ask(NinepMessage.READ, "IQI", fid, offset, count)
        (size,) = struct.unpack_from("<I", found)
        assert len(found) == 4 + size
        return found[4:]

    def write(self, fid: int, data: bytes, offset: int = 0) -> int:
        found = self.ask(NinepMessage.WRITE, "IQI", fid, offset, len(data), data=data)
        return int(struct.unpack("<I", found)[0])

    def clunk(self, fid: int) -> None:
        self.ask(NinepMessage.CLUNK, "I", fid)

    def content(self, *names: str) -> bytes:
        fid = self.walk(*names)
        self.open(fid)
        found = self.read(fid)
        self.clunk(fid)
        return found

    def attributes(self, fid: int) -> tuple[int, ...]:
        """mode, uid, gid, nlink, rdev, size, ... as in the answer."""
        found = self.ask(NinepMessage.GET_ATTRIBUTES, "IQ", fid, 0x7FF)
        return struct.unpack("<Q13sIII15Q", found)[2:]

    def entries(self, fid: int, room: int = 4096) -> list[tuple[Qid, int, str]]:
        """All of an open folder: qid, type and name."""
        found: list[tuple[Qid, int, str]] = []
        offset = 0
        while True:
            answer = self.ask(NinepMessage.READ_FOLDER, "IQI", fid, offset, room)
            (size,), at = struct.unpack_from("<I", answer), 4
            if not size:
                return found
            while at < 4 + size:
                qid = self.qid(answer[at : at + QID.size])
                offset, kind, length = struct.unpack_from("<QBH", answer, at + QID.size)
                at += QID.size + 11
                found.append((qid, kind, os.fsdecode(answer[at : at + length])))
                at += length

    @staticmethod
    def qid(data: bytes) -> Qid:
        return Qid(*QID.unpack_from(data))
