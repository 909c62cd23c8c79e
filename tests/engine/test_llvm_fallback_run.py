"""Whole guests with instructions that llvm has to leave to Unicorn."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mttcg import Machine

ROOT = Path(__file__).parents[2]
GUESTS = ROOT / "examples" / "guests"
HANDICAP = Path(__file__).with_name("plugins") / "handicap.py"
FIVE_WAYS = ROOT / "tests" / "instrument" / "plugins" / "five_ways.py"
NAMES = "c.addi16sp c.ldsp bne beq xor c.j"
SETTINGS: dict[str, dict[str, int]] = {
    "counter": {"rounds": 20},
    "selfmod": {"rounds": 3},
    "trap": {},
}


def run(guest: str, names: str = "") -> Any:
    """Run a guest that is counted in every way, Python callbacks included."""
    console = io.BytesIO()
    machine = Machine(
        GUESTS / f"{guest}.elf",
        engine="llvm",
        plugins=(f"{HANDICAP},names={names}", str(FIVE_WAYS)),
        symbols_set={"harts_expected": 1} | SETTINGS[guest],
    )
    result = machine.run(console=console)
    assert (result.failures, result.warnings) == ([], [])
    vcpu = result.vcpus[0]
    assert bool(vcpu.unsupported) == bool(names)
    return {
        "console": console.getvalue().decode(),
        "status": result.exit_status,
        "counts": (vcpu.instructions, vcpu.blocks, vcpu.traps, vcpu.interrupts, vcpu.callbacks),
        "ways": result.plugins["five_ways"]["found"],
    }


@pytest.mark.parametrize("guest", SETTINGS)
def test_a_guest_does_the_same_without_some_instructions(guest: str) -> None:
    assert run(guest, names=NAMES) == run(guest)


def test_report_and_json_have_what_was_left_to_unicorn(tmp_path: Path) -> None:
    found = tmp_path / "result.json"
    command = [sys.executable, "-m", "mttcg", "run", str(GUESTS / "hello.elf")]
    command += ["--plugin", f"{HANDICAP},names=c.addi16sp", "--json", str(found)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counted = json.loads(found.read_text())["vcpus"][0]["unsupported"]
    assert list(counted) == ["c.addi16sp"]
    assert f"unknown to the engine: c.addi16sp {counted['c.addi16sp']}" in done.stderr
    assert "warning" not in done.stderr
