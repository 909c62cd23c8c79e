"""On Debian's kernel: switches are as many as the kernel counts, and events come as they happen."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from debian_guest import FOLDER, QUICK, VCPUS, needs_debian

from mttcg.images.catalogue import INITRD, KERNEL

PLUGIN = Path(__file__).parent / "plugins" / "kernel_events.py"
COMMANDS = "grep ctxt /proc/stat; (exit 3); mkdir /tmp/a; true; true; grep ctxt /proc/stat"
EXITED_WITH_3 = 3 << 8


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@pytest.mark.parametrize("smp", VCPUS)
def test_the_kernel_counts_as_many_switches(smp: int) -> None:
    append = f'console=ttyS0 quiet {QUICK} run="{COMMANDS}"'
    command = [
        *(sys.executable, "-m", "mttcg", "run", "--kernel", str(FOLDER / KERNEL)),
        *("--initrd", str(FOLDER / INITRD), "--append", append, "--memory", "256M"),
        *("--smp", str(smp), "--plugin", str(PLUGIN)),
    ]
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    shown = run.stdout + run.stderr
    assert run.returncode == 0, shown
    assert "reboot: Power down" in shown
    counted = [list(map(int, row)) for row in re.findall(r"SWITCHES (\d+) (\d+) (\d+)", shown)]
    told = [row[1] for row in counted if row[1]]  # the kernel asks before it has begun, too
    assert told == list(map(int, re.findall(r"ctxt (\d+)", shown)))
    for before, kernels, after in counted:
        # another vCPU may just be on its way from the kernel's count to ours
        assert before <= kernels <= after + smp - 1
        assert smp > 1 or before == kernels == after
    assert f"EXIT sh {EXITED_WITH_3}" in shown
    assert "mkdir: can't create directory '/tmp/a': Operation not permitted" in shown
    seen = [ast.literal_eval(row) for row in re.findall(r"SEEN \d+ (.*)", shown)]
    assert len(seen) == smp
    names = ("start", "exec", "exit", "enter", "return")
    total = {name: sum(each.get(name, 0) for each in seen) for name in names}
    assert 0 < total["exec"] <= total["start"]
    assert 0 < total["exit"] <= total["start"]
    assert total["enter"] > 100
