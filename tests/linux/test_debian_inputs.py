"""Debian's kernel on harts that take turns, with a disk, typed at as it runs: it comes again."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
from debian_guest import FOLDER, QUICK, needs_debian

from mttcg import Machine
from mttcg.images.catalogue import INITRD, KERNEL

TYPED = ["modprobe virtio_blk", "md5sum /dev/vda", "sleep 1; date", "dmesg | tail", "poweroff -f"]
PROMPT = b"/ # "
CONSOLES = {"uart": "ttyS0", "virtio": "hvc0"}


class Typist(io.BytesIO):
    """A console at which a line is typed when a prompt is seen, at a moment that the host gives."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.writing = os.pipe()
        self.left = [f"{line}\r".encode() for line in TYPED]

    def write(self, data: Any) -> int:
        """Show, and type if there is a prompt for it."""
        written = super().write(data)
        prompts = self.getvalue().count(PROMPT)
        if self.left and prompts > len(TYPED) - len(self.left):
            os.write(self.writing, self.left.pop(0))
        return written


def boot(console: io.BytesIO, kind: str, disk: Path, *plugins: str, **options: Any) -> Any:
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=FOLDER / INITRD,
        append=f"console={CONSOLES[kind]} quiet {QUICK}",
        memory=256 << 20,
        smp=2,
        deterministic=True,
        console=kind,
        drives=[disk],
        rng=True,
        plugins=plugins,
        **options,
    )
    result = machine.run(console=console, stdin_fd=getattr(console, "reading", None))
    assert (result.failures, result.exit_status) == ([], 0)
    counts = [(v.instructions, v.traps, v.interrupts) for v in result.vcpus]
    return counts, console.getvalue().decode()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif("MTTCG_CHECK_LINUX" not in os.environ, reason="three boots, see make nightly")
@pytest.mark.parametrize("kind", CONSOLES)
@needs_debian
def test_what_was_typed_at_a_shell_comes_again(kind: str, tmp_path: Path) -> None:
    disk, log, typist = tmp_path / "disk", tmp_path / "log", Typist()
    disk.write_bytes(os.urandom(1 << 20))
    first = boot(typist, kind, disk, record_inputs=log)
    for end in (typist.reading, typist.writing):
        os.close(end)
    assert hashlib.md5(disk.read_bytes()).hexdigest() in first[1]
    for plugin in ("icount", "howvec"):
        assert boot(io.BytesIO(), kind, disk, plugin, replay_inputs=log) == first
