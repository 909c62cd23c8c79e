"""Debian's kernel uses a folder of the host, and a network; if the image was fetched."""

import hashlib
import io
import os
import socket
import struct
import threading
from pathlib import Path

import pytest
from linux_guest import BOOT, FOLDER, IS_THERE, KERNEL, WHY_NOT

from mttcg import Machine
from mttcg.images.catalogue import INITRD

MEMORY = 256 << 20
COMMANDS = """\
modprobe 9p; mkdir /s; mount -t 9p -o trans=virtio,version=9p2000.L share /s && cd /s
sha256sum given; cp /bin/busybox made; cmp made /bin/busybox && echo same
mkdir folder; mv made folder/moved; ls -1 folder; cat link; cd /; umount /s
ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0; ping -c 3 -W 30 10.0.0.1
"""
OURS, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("525400123457")
ADDRESS = socket.inet_aton("10.0.0.1")
ARP, IPV4, ICMP = 0x0806, 0x0800, 1


class Neighbour(threading.Thread):
    """Answers ARP and ping at the other end of the cable."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.fspath(path))
        self.listener.listen(1)
        self.pings = 0

    def run(self) -> None:
        peer, _ = self.listener.accept()
        with self.listener, peer, peer.makefile("rb") as frames:
            while len(head := frames.read(4)) == 4:
                frame = frames.read(*struct.unpack("!I", head))
                if answer := self.answer(frame):
                    peer.sendall(struct.pack("!I", len(answer)) + answer)

    def answer(self, frame: bytes) -> bytes:
        assert frame[6:12] == THEIRS
        (kind,) = struct.unpack_from("!H", frame, 12)
        if kind == ARP and frame[20:22] == b"\0\1" and frame[38:42] == ADDRESS:
            asked = frame[14:20] + b"\0\2" + OURS + ADDRESS + frame[22:32]
            return THEIRS + OURS + frame[12:14] + asked
        if kind == IPV4 and frame[23] == ICMP and frame[34] == 8 and frame[30:34] == ADDRESS:
            self.pings += 1
            (total,) = struct.unpack_from("!H", frame, 16)
            header = frame[14:26] + ADDRESS + frame[26:30]
            (checksum,) = struct.unpack_from("!H", frame, 36)
            checksum += 0x0800  # as the type becomes 0, in ones' complement
            message = b"\0\0" + struct.pack("!H", (checksum & 0xFFFF) + (checksum >> 16))
            return THEIRS + OURS + frame[12:14] + header + message + frame[38 : 14 + total]
        return b""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not IS_THERE, reason=WHY_NOT)
def test_linux_uses_a_folder_and_a_network(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "given").write_bytes(bytes(range(256)) * 1000)
    (tmp_path / "outside").write_text("secret")
    (shared / "link").symlink_to("../outside")
    neighbour = Neighbour(tmp_path / "cable")
    neighbour.start()
    console, commands = io.BytesIO(), COMMANDS.replace("\n", ";")
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=FOLDER / INITRD,
        append=f'console=ttyS0 {BOOT} run="{commands}"',
        memory=MEMORY,
        shares=[f"{shared},write"],
        nets=[f"connect={tmp_path}/cable"],
    )
    result = machine.run(console=console)
    shown = console.getvalue().decode(errors="replace")
    lines = {line.strip() for line in shown.splitlines()}
    digest = hashlib.sha256((shared / "given").read_bytes()).hexdigest()
    assert f"{digest}  given" in lines, shown
    assert {"same", "moved", "3 packets transmitted, 3 packets received, 0% packet loss"} <= lines
    assert "secret" not in shown
    assert (shared / "folder" / "moved").stat().st_size > 100_000
    assert neighbour.pings == 3
    assert (result.exit_status, result.failures) == (0, [])
    by_kind = {(row["kind"], row["queue"]): row for row in result.devices}
    assert by_kind["share", 0]["requests"] > 100
    assert by_kind["network", 1]["dropped"] == by_kind["network", 0]["dropped"] == 0
