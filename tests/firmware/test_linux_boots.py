"""Debian's kernel boots many times in a row, and none of its CPUs gets lost or stuck."""

import os
from itertools import cycle, islice, product
from pathlib import Path

import pytest
from linux_guest import BIOS, IS_THERE, WHY_NOT, boot

BOOTS = int(os.environ.get("MTTCG_LINUX_BOOTS", "0"))
"""How many; each takes some seconds."""
KINDS = cycle(product((1, 2, 4, 8), BIOS))


@pytest.mark.timeout(0)
@pytest.mark.skipif(not IS_THERE, reason=WHY_NOT)
@pytest.mark.skipif(not BOOTS, reason="MTTCG_LINUX_BOOTS is not set: how often to boot")
def test_boots_in_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = []
    for number, (cpus, bios) in enumerate(islice(KINDS, BOOTS), 1):
        commands = "nproc; cat /sys/devices/system/cpu/online"
        done = boot(tmp_path, commands, smp=cpus, bios=BIOS[bios])
        online = "0" if cpus == 1 else f"0-{cpus - 1}"
        ended = any("reboot: Power down" in line for line in done.lines)
        good = ended and {str(cpus), online} <= set(done.lines)
        ok = (
            good and not done.wrong() and (done.result.exit_status, done.result.failures) == (0, [])
        )
        if not ok:
            (tmp_path / f"boot-{number}.txt").write_text("\n".join(done.lines))
            bad.append((number, cpus, bios, done.result.failures, done.wrong()))
        with capsys.disabled():
            print(f"boot {number} of {BOOTS}: {cpus} CPUs, {bios}: {'good' if ok else 'bad'}")
    assert bad == [], f"consoles are in {tmp_path}"
