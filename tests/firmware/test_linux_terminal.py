"""A terminal that is a Linux shell's: its size, and a paste that is larger than all between."""

import fcntl
import hashlib
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest
from linux_guest import BOOT, FOLDER, IS_THERE, KERNEL, WHY_NOT

from mttcg.images.catalogue import INITRD

LIMIT = 600.0
"""Seconds; what takes that long takes a tenth of it on a machine that does nothing else."""
LINES = 1500
"""Of a paste, of 69 bytes each: no line is longer than a Linux terminal takes."""
PROMPT = b"/ # "


class Shell:
    """A shell of the guest on a terminal of the host."""

    def __init__(self, console: str, device: str) -> None:
        self.typing, stdin = pty.openpty()
        self.stdin, self.shown = stdin, b""
        self.resize(33, 101)
        shell = f"setsid sh -c 'exec sh -i </dev/{device} >/dev/{device} 2>&1'"
        options = ["--kernel", FOLDER / KERNEL, "--initrd", FOLDER / INITRD, "--quiet"]
        options += ["--append", f'console=ttyS0 {BOOT} run="{shell}"', "--memory", "256M"]
        command = [sys.executable, "-m", "mttcg", "run", *options, "--console", console]
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=stdin, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.stdin, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, until: bytes) -> bytes:
        """What it shows up to a text."""
        limit = time.monotonic() + LIMIT
        while until not in self.shown:
            assert time.monotonic() < limit, self.shown[-500:]
            if select.select([self.typing], [], [], 1)[0]:
                self.shown += os.read(self.typing, 1 << 16)
        found, self.shown = self.shown.split(until, 1)
        return found

    def type(self, keys: bytes) -> None:
        """Type, or paste, and take what it shows meanwhile."""
        at = 0
        while at < len(keys):
            reads, writes, _ = select.select([self.typing], [self.typing], [], LIMIT)
            assert reads or writes, "the terminal takes nothing"
            if reads:
                self.shown += os.read(self.typing, 1 << 16)
            if writes:
                at += os.write(self.typing, keys[at : at + 512])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.typing)
        os.close(self.stdin)


@pytest.fixture(params=[("virtio", "hvc0"), ("uart", "ttyS0")], ids=["virtio", "uart"])
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    shell = Shell(*request.param)
    yield shell
    shell.close()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not IS_THERE, reason=WHY_NOT)
def test_a_shell_gets_a_paste_whole(shell: Shell, request: pytest.FixtureRequest) -> None:
    shell.read(PROMPT)
    if "virtio" in request.node.name:
        shell.type(b"stty size\r")
        assert b"33 101" in shell.read(PROMPT)
        shell.resize(50, 132)
        shell.type(b"until stty size | grep -q '50 132'; do :; done; echo resi''zed\r")
        shell.read(b"resized")
        shell.read(PROMPT)
    lines = [f"{number:07} {'x' * 60}" for number in range(LINES)]
    wanted = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    shell.type(b"stty -echo; echo rea''dy; cat >/tmp/f; stty echo; sha256sum /tmp/f\r")
    shell.read(b"ready")
    shell.type("".join(f"{line}\r" for line in lines).encode() + b"\4")
    assert wanted.encode() in shell.read(b"  /tmp/f")
    shell.type(b"\rexit\r")
    shell.read(b"reboot: Power down")
    assert shell.process.wait(LIMIT) == 0
