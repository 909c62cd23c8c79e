"""Debian's kernel boots, runs a program on each hart, and powers off; if the image was fetched."""

import io
import os

import pytest

from mttcg import Machine
from mttcg.images.catalogue import CACHE, FIRMWARE, INITRD, KERNEL, folder_of, is_there, row_of

ROW = row_of("debian-riscv64")
FOLDER = folder_of(ROW, CACHE.expanduser())
COMMANDS = "for cpu in 0 1; do taskset -c $cpu echo on $cpu; done; nproc"
MEMORY = 256 << 20


CHECKED = bool(os.environ.get("MTTCG_CHECK_LINUX"))
"""Whether every count of the boots is checked, which takes minutes."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not is_there(ROW, CACHE.expanduser()), reason="mttcg images get debian-riscv64")
@pytest.mark.parametrize("bios", [None, FOLDER / FIRMWARE])
def test_linux_boots_and_powers_off(bios: object) -> None:
    console = io.BytesIO()
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=FOLDER / INITRD,
        bios=bios,
        append=f'console=ttyS0 quiet run="{COMMANDS}"',
        memory=MEMORY,
        smp=2,
        plugins=["icount"],
        check=CHECKED,
    )
    result = machine.run(console=console)
    shown = console.getvalue().decode(errors="replace")
    lines = [line.strip() for line in shown.splitlines()]
    assert {"on 0", "on 1", "2", "init: the commands ended with status 0"} <= set(lines), shown
    assert "reboot: Power down" in shown
    assert (result.exit_status, result.failures) == (0, [])
    assert result.plugins["icount"]["total"]["instructions"] == result.instructions
