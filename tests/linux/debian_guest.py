"""Debian's kernel with busybox, whose shell does what it is told; if the image was fetched."""

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from mttcg.images.catalogue import CACHE, INITRD, KERNEL, folder_of, is_current, row_of
from mttcg_bus import Control

ROW = row_of("debian-riscv64")
FOLDER = folder_of(ROW, CACHE.expanduser())
LIMIT = 300.0
"""Seconds to wait for anything."""
needs_debian = pytest.mark.skipif(
    not is_current(ROW, CACHE.expanduser()), reason="mttcg images get debian-riscv64"
)
LONG = bool(os.environ.get("MTTCG_CHECK_LINUX"))
"""Whether what takes minutes is done."""
VCPUS = (1, 2, 4) if LONG else (2,)
QUICK = "cryptomgr.notests=1 initcall_blacklist=jent_mod_init"
"""Of the kernel's command line: what takes most of a boot, and is nobody's here."""
BEGIN, END = "the answer begins", "the answer ends"
SHELL = f"stty -echo; echo {END}; while read line; do echo {BEGIN}; eval $line; echo {END}; done"


class DebianGuest:
    """A run whose guest takes commands as `told` gives them."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.url = f"ipc://{folder / 'bus'}"
        append = f'console=ttyS0 quiet {QUICK} run="{SHELL}"'
        command = [
            *(sys.executable, "-m", "mttcg", "run", "--kernel", str(FOLDER / KERNEL)),
            *("--initrd", str(FOLDER / INITRD), "--append", append, "--memory", "256M"),
            *("--control", "--bus", self.url, "--json", str(folder / "result.json"), *options),
        ]
        self.errors = (folder / "errors").open("w")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )
        self.shown = ""
        self._read_to_end()

    def _read_to_end(self) -> list[str]:
        """The lines of the next answer."""
        until = time.monotonic() + LIMIT
        assert self.process.stdout is not None
        while f"{END}\r\n" not in self.shown:
            left = max(0.0, until - time.monotonic())
            assert select.select([self.process.stdout], [], [], left)[0], self.shown
            found = os.read(self.process.stdout.fileno(), 1 << 16)
            assert found, f"the run has ended: {self.shown}"
            self.shown += found.decode(errors="replace")
        answer, self.shown = self.shown.split(f"{END}\r\n", 1)
        return answer.split(f"{BEGIN}\r\n", 1)[-1].splitlines()

    def told(self, command: str) -> list[str]:
        """Have the guest's shell do something; what it shows."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        return self._read_to_end()

    def control(self) -> Control:
        return Control(self.url, seconds=LIMIT)

    def end(self) -> str:
        """Have the guest power off; all that the run has shown since."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"exit\n")
        self.process.stdin.flush()
        rest = self.process.communicate(timeout=LIMIT)[0].decode(errors="replace")
        assert self.process.returncode == 0, rest
        return self.shown + rest

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for end in (self.process.stdin, self.process.stdout, self.errors):
            if end is not None:
                end.close()
