"""Whole guests with instructions and pages that llvm has to leave to Unicorn."""

import io
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mttcg import Machine

ROOT = Path(__file__).parents[2]
GUESTS = ROOT / "examples" / "guests"
HANDICAP = Path(__file__).with_name("plugins") / "handicap.py"
FIVE_WAYS = ROOT / "tests" / "instrument" / "plugins" / "five_ways.py"
FIRST_PAGE = 0x8000_0000
QUICK, INTERPRETED = "quick,optimised", "interpreter,optimised"
"""Tiers with which pages that can't be translated are left to Unicorn, or to the interpreter."""
NAMES = "c.addi16sp c.ldsp bne beq xor c.j"
SETTINGS: dict[str, dict[str, int]] = {
    "hello": {},
    "counter": {"rounds": 20},
    "ipi": {"rounds": 3},
    "selfmod": {"rounds": 3},
    "trap": {},
    "htif": {},
}


def run(guest: str, names: str = "", pages: str = "", smp: int = 1, tiers: str = QUICK) -> Any:
    """Run a guest that is counted in every way, Python callbacks included."""
    console = io.BytesIO()
    machine = Machine(
        GUESTS / f"{guest}.elf",
        smp=smp,
        engine="llvm",
        tiers=tiers,
        plugins=(f"{HANDICAP},names={names},pages={pages}", str(FIVE_WAYS)),
        symbols_set={"harts_expected": smp} | SETTINGS[guest],
    )
    result = machine.run(console=console)
    assert result.failures == []
    return result, console.getvalue().decode()


def figures(guest: str, names: str = "", pages: str = "", tiers: str = QUICK) -> dict[str, Any]:
    """What is to be the same, however much is left to Unicorn."""
    result, console = run(guest, names, pages, tiers=tiers)
    vcpu = result.vcpus[0]
    return {
        "console": console,
        "status": result.exit_status,
        "counts": (vcpu.instructions, vcpu.blocks, vcpu.traps, vcpu.interrupts, vcpu.callbacks),
        "ways": result.plugins["five_ways"]["found"],
        "left to Unicorn": (vcpu.unsupported, result.warnings),
    }


def handicapped(guest: str, names: str = "", pages: str = "", tiers: str = QUICK) -> dict[str, Any]:
    """The same of a run in which something was left to Unicorn."""
    found = figures(guest, names, pages, tiers)
    unsupported, warnings = found.pop("left to Unicorn")
    assert (bool(unsupported), bool(warnings)) == (bool(names), bool(pages))
    return found


@cache
def untroubled(guest: str) -> dict[str, Any]:
    """What a guest does when nothing is taken away: then nothing is left to Unicorn."""
    found = figures(guest)
    assert found.pop("left to Unicorn") == ({}, [])
    return found


@pytest.mark.parametrize("guest", ["counter", "selfmod", "trap"])
@pytest.mark.parametrize("tiers", [QUICK, INTERPRETED])
def test_a_guest_does_the_same_without_some_instructions(guest: str, tiers: str) -> None:
    assert handicapped(guest, names=NAMES, tiers=tiers) == untroubled(guest)


@pytest.mark.parametrize(
    ("guest", "pages"),
    [
        ("counter", f"{FIRST_PAGE:#x}"),
        *((guest, "all") for guest in SETTINGS if guest != "counter"),
    ],
)
def test_a_guest_does_the_same_with_pages_that_cannot_be_translated(guest: str, pages: str) -> None:
    assert handicapped(guest, pages=pages) == untroubled(guest)


def test_a_page_that_cannot_be_translated_stays_in_the_interpreter() -> None:
    found = figures("counter", pages="all", tiers=INTERPRETED)
    assert found.pop("left to Unicorn") == ({}, [])
    assert found == untroubled("counter")


def test_a_page_is_named_in_one_warning_of_all_vcpus() -> None:
    result, _ = run("counter", pages=f"{FIRST_PAGE:#x}", smp=2)
    assert result.exit_status == 0
    assert result.warnings == [
        f"the code page at {FIRST_PAGE:#x} can't be translated, and runs on Unicorn, slowly: "
        "it is the test's wish"
    ]


def test_report_and_json_have_what_was_left_to_unicorn(tmp_path: Path) -> None:
    found = tmp_path / "result.json"
    command = [sys.executable, "-m", "mttcg", "run", str(GUESTS / "hello.elf"), "--tiers", QUICK]
    command += ["--plugin", f"{HANDICAP},names=c.addi16sp,pages=all", "--json", str(found)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"mttcg: warning: the code page at {FIRST_PAGE:#x} can't be translated" in done.stderr
    assert "unknown to the engine" not in done.stderr
    result = json.loads(found.read_text())
    assert result["warnings"]
    assert result["vcpus"][0]["unsupported"] == {}

    command[-3] = f"{HANDICAP},names=c.addi16sp"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(found.read_text())
    counted = result["vcpus"][0]["unsupported"]
    assert list(counted) == ["c.addi16sp"]
    assert f"unknown to the engine: c.addi16sp {counted['c.addi16sp']}" in done.stderr
    assert "warning" not in done.stderr
