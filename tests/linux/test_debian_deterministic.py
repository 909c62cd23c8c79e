"""Debian's kernel on harts that take turns: two boots are the same, byte for byte."""

import io
from typing import Any

import pytest
from debian_guest import FOLDER, LONG, QUICK, needs_debian

from mttcg import Machine
from mttcg.images.catalogue import INITRD, KERNEL

COMMANDS = "md5sum /bin/busybox; (sleep 1; date) & cat /proc/interrupts; wait; dmesg"


def boot(*plugins: str, seed: int | None = None) -> Any:
    console = io.BytesIO()
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=FOLDER / INITRD,
        append=f'console=ttyS0 quiet {QUICK} run="{COMMANDS}"',
        memory=256 << 20,
        smp=2,
        deterministic=True,
        seed=seed,
        plugins=plugins,
    )
    result = machine.run(console=console)
    assert (result.failures, result.exit_status) == ([], 0)
    counts = [(v.instructions, v.traps, v.interrupts) for v in result.vcpus]
    return counts, console.getvalue().decode()


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_two_boots_are_the_same_with_other_plugins() -> None:
    first, second = boot(), boot("icount", "howvec")
    assert first == second
    assert "the commands ended with status 0" in first[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@pytest.mark.skipif(not LONG, reason="MTTCG_CHECK_LINUX is not set: it takes minutes")
def test_another_seed_is_another_boot() -> None:
    first, other = boot(), boot(seed=1)
    assert other[0] != first[0]
    assert "the commands ended with status 0" in other[1]
