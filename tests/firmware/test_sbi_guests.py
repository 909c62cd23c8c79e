"""Guests below firmware: what they are answered, as on OpenSBI, and that nothing gets lost."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from mttcg import Machine
from mttcg.images.catalogue import CACHE, FIRMWARE, folder_of, row_of
from mttcg.supervisor.results.result import RunResult

ANSWERS = Path(__file__).with_name("answers.txt")
"""What OpenSBI 1.6 answers on QEMU's virt board."""
PROGRAM = "qemu-system-riscv64"
OPENSBI = folder_of(row_of("debian-riscv64"), CACHE.expanduser()) / FIRMWARE
"""If that image was fetched; QEMU 7.2 brings an older one of its own, without DBCN."""


def run(guest: Path, smp: int, **options: object) -> tuple[RunResult, list[str]]:
    console = io.BytesIO()
    result = Machine(kernel=guest, smp=smp, **options).run(console=console)
    return result, console.getvalue().decode().splitlines()


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_calls_are_answered_as_by_opensbi(guests: dict[str, Path], engine: str) -> None:
    result, lines = run(guests["calls"], 2, engine=engine)
    assert lines == ANSWERS.read_text().splitlines()
    assert (result.exit_status, result.failures) == (0, [])


@pytest.mark.skipif(
    shutil.which(PROGRAM) is None or not OPENSBI.is_file(), reason="no QEMU, or no OpenSBI"
)
def test_the_answers_are_those_of_opensbi(guests: dict[str, Path]) -> None:
    board = ("-machine", "virt", "-smp", "2", "-m", "128", "-display", "none", "-serial", "stdio")
    files = ("-monitor", "none", "-bios", str(OPENSBI), "-kernel", str(guests["calls"]))
    done = subprocess.run(
        [PROGRAM, *board, *files], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    lines = done.stdout.decode().splitlines()
    assert lines[lines.index("major version 2") :] == ANSWERS.read_text().splitlines()


@pytest.mark.skipif(not OPENSBI.is_file(), reason="no OpenSBI: mttcg images get debian-riscv64")
def test_opensbi_runs(guests: dict[str, Path]) -> None:
    result, lines = run(guests["calls"], 2, bios=OPENSBI)
    lines = [line.rstrip("\r") for line in lines]
    assert "OpenSBI v" in lines[1]
    assert lines[lines.index("major version 2") :] == ANSWERS.read_text().splitlines()
    assert (result.exit_status, result.failures) == (0, [])


@pytest.mark.skipif(not OPENSBI.is_file(), reason="no OpenSBI: mttcg images get debian-riscv64")
def test_no_interrupt_gets_lost_on_opensbi(guests: dict[str, Path]) -> None:
    symbols = {"harts": 4, "rounds": 200}
    result, lines = run(guests["storm"], 4, bios=OPENSBI, symbols_set=symbols)
    assert (result.exit_status, lines[-1].rstrip("\r")) == (0, "taken 800")


@pytest.mark.parametrize("tiers", ["interpreter,optimised", "interpreter"])
@pytest.mark.parametrize("harts", [2, 4])
def test_no_interrupt_of_many_gets_lost(guests: dict[str, Path], harts: int, tiers: str) -> None:
    symbols = {"harts": harts, "rounds": 300}
    result, lines = run(guests["storm"], harts, symbols_set=symbols, tiers=tiers)
    assert (result.exit_status, lines) == (0, [f"taken {300 * harts}"])


@pytest.mark.parametrize("harts", [2, 4])
def test_each_start_is_one_run(guests: dict[str, Path], harts: int) -> None:
    result, lines = run(guests["rounds"], harts, symbols_set={"harts": harts})
    assert (result.exit_status, lines) == (0, [f"started {int(harts > 2)}"])


def test_a_hart_that_is_off_is_idle(guests: dict[str, Path]) -> None:
    result, _ = run(guests["ends"], 2)
    running, off = result.vcpus
    assert running.instructions > off.instructions == 0
    assert off.seconds_idle > 0


@pytest.mark.parametrize(
    ("kind", "reason", "status"), [(0, 0, 0), (0, 1, 1), (1, 0, 0), (2, 1, 1), (0, 0xE000_0000, 0)]
)
def test_the_guest_ends_the_run(
    guests: dict[str, Path], kind: int, reason: int, status: int
) -> None:
    result, lines = run(guests["ends"], 1, symbols_set={"kind": kind, "reason": reason})
    assert lines == ["ending"]
    assert result.exit_status == (reason if reason > 1 else status)
    said = ["the guest asks for a reboot, which ends the run"] if kind else []
    assert list(result.warnings) == said
