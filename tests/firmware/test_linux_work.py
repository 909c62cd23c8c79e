"""Debian's kernel at work: what its CPUs compute is right, and nothing gets lost or late."""

from pathlib import Path

import pytest
from linux_guest import BIOS, CHECKED, IS_THERE, WHY_NOT, Booted, boot, digest_of_numbers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000 if CHECKED else 600),
    pytest.mark.skipif(not IS_THERE, reason=WHY_NOT),
]
nightly = pytest.mark.skipif(not CHECKED, reason="MTTCG_CHECK_LINUX is not set: it takes minutes")
SIZES = (1, 2, 4, 8) if CHECKED else (2,)
FIRMWARE = BIOS if CHECKED else ("own",)
LINES, ROUNDS = (5000, 3) if CHECKED else (1000, 1)


def work(folder: Path, cpus: int, bios: str, script: str, rounds: int = ROUNDS) -> Booted:
    """Boot for one script, and look at what holds for all."""
    settings = f"lines={LINES} rounds={rounds}"
    done = boot(folder, f"export {settings}; sh /{script}.sh", smp=cpus, bios=BIOS[bios])
    told = "\n".join(done.lines)
    assert (done.result.exit_status, done.result.failures) == (0, []), told
    assert "init: the commands ended with status 0" in done.lines, told
    assert done.wrong() == [], told
    return done


@pytest.mark.parametrize("bios", FIRMWARE)
@pytest.mark.parametrize("cpus", SIZES)
def test_all_cpus_compute_what_the_host_does(tmp_path: Path, cpus: int, bios: str) -> None:
    done = work(tmp_path, cpus, bios, "work")
    found = f"sorted {digest_of_numbers(LINES, True)} packed {digest_of_numbers(LINES, False)}"
    expected = [f"work: CPU {cpu} {found}" for cpu in range(cpus)]
    assert sorted(done.said("work:")) == sorted([*expected, f"work: {cpus} CPUs"])


@nightly
@pytest.mark.parametrize("bios", FIRMWARE)
@pytest.mark.parametrize("cpus", SIZES)
def test_functions_are_traced_and_no_longer(tmp_path: Path, cpus: int, bios: str) -> None:
    said = work(tmp_path, cpus, bios, "tracing").said("tracing:")
    on, off, found = said[0:-1:2], said[1:-1:2], said[-1]
    assert (len(on), len(off), found) == (ROUNDS, ROUNDS, "tracing: found 1"), said
    assert all(int(line.split()[3]) > 30_000 for line in on), said
    assert set(off) == {"tracing: off with 0 functions"}, said


@pytest.mark.parametrize("bios", FIRMWARE)
@pytest.mark.parametrize("cpus", SIZES)
def test_modules_come_and_go(tmp_path: Path, cpus: int, bios: str) -> None:
    said = work(tmp_path, cpus, bios, "modules").said("modules:")
    assert len(set(said[:-1])) == 1, said
    assert (len(said), said[-1]) == (ROUNDS + 1, f"modules: {ROUNDS} rounds"), said


@pytest.mark.parametrize("bios", FIRMWARE)
@pytest.mark.parametrize("cpus", [cpus for cpus in SIZES if cpus > 1])
def test_cpus_go_off_and_come_back(tmp_path: Path, cpus: int, bios: str) -> None:
    said = work(tmp_path, cpus, bios, "hotplug").said("hotplug:")
    end = f"hotplug: {ROUNDS} rounds, 0-{cpus - 1} on"
    assert said == ["hotplug: 0 alone"] * ROUNDS + [end]


@nightly
@pytest.mark.parametrize("bios", FIRMWARE)
@pytest.mark.parametrize("cpus", SIZES)
def test_processes_of_all_kinds_go_on(tmp_path: Path, cpus: int, bios: str) -> None:
    rounds = 10 * ROUNDS
    said = work(tmp_path, cpus, bios, "load", rounds).said("load:")
    assert said == [f"load: {rounds} rounds of {2 * cpus}"]


REBOOT = "the guest asks for a reboot, which ends the run"
CRASH = "echo c > /proc/sysrq-trigger"


@nightly
@pytest.mark.parametrize("bios", FIRMWARE)
@pytest.mark.parametrize(
    ("commands", "append", "said"),
    [
        ("reboot -f", "", "reboot: Restarting system"),
        (CRASH, "panic=-1", "Kernel panic - not syncing: sysrq triggered crash"),
        (CRASH, "panic=1", "Rebooting in 1 seconds.."),
    ],
    ids=["reboot", "panic at once", "panic"],
)
def test_a_reboot_ends_the_run(
    tmp_path: Path, bios: str, commands: str, append: str, said: str
) -> None:
    done = boot(tmp_path, commands, append, smp=2, bios=BIOS[bios])
    told = "\n".join(done.lines)
    assert any(said in line for line in done.lines), told
    assert (done.result.stop_reason, done.result.failures) == ("the guest ended", []), told
    if bios == "own":
        assert REBOOT in done.result.warnings
