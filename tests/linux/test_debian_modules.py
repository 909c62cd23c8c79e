"""On Debian's kernel: functions of modules are those that the kernel itself shows."""

import re
from pathlib import Path

import pytest
from debian_guest import needs_debian
from debian_run import boot

PLUGIN = Path(__file__).parent / "plugins" / "modules.py"
COMMANDS = "modprobe virtio_rng; echo BEGIN; grep -F [ /proc/kallsyms; echo END"
ROW = re.compile(r"([0-9a-f]+) (\w) (\S+)\t\[(\w+)\]")


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_functions_of_modules_are_those_that_the_kernel_shows(tmp_path: Path) -> None:
    run = boot(tmp_path, COMMANDS, str(PLUGIN), smp=1)
    shown = run.shown.partition("BEGIN\n")[2].partition("END\n")[0]
    theirs = {(int(a, 16), name, module) for a, kind, name, module in ROW.findall(shown)
              if kind in "tT" and not name.startswith((".", "$"))}  # fmt: skip
    rows = [line.split()[1:] for line in run.said.splitlines() if line.startswith("MODULE ")]
    ours = {(int(address, 16), name, module) for address, _, name, module in rows}
    assert {"virtio_mmio", "virtio_rng"} <= {module for _, _, module in ours}
    assert len(ours) > 10
    assert ours == theirs
