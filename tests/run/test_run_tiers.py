"""`--tiers` of the llvm engine: each does what it says, and a run is the same on all."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

from mttcg import Machine
from mttcg.config import DEFAULT_TIERS, TIERS
from mttcg.errors import EXIT_FAULT

GUESTS = Path(__file__).parents[2] / "examples" / "guests"
SAME: dict[str, dict[str, int]] = {
    "hello": {},
    "mix": {"rounds": 2},
    "paged": {"rounds": 2},
    "ipi": {"rounds": 20},
    "selfmod": {"rounds": 10},
    "trap": {},
    "htif": {},
    "float": {},
}
"""Guests that do the same at every run on one hart, and what to set in them."""


def run(
    guest: str,
    tiers: str,
    smp: int = 1,
    plugins: tuple[str, ...] = (),
    check: bool = False,
    **values: int,
) -> Any:
    """Run a guest; its result, and what it printed."""
    console = io.BytesIO()
    machine = Machine(
        GUESTS / f"{guest}.elf",
        smp=smp,
        tiers=tiers,
        plugins=plugins,
        check=check,
        symbols_set={"harts_expected": smp} | values,
    )
    result = machine.run(console=console)
    assert (result.failures, result.exit_status) == ([], 0)
    assert result.tiers == result.to_json()["tiers"] == tiers
    return result, console.getvalue()


@pytest.mark.parametrize("guest", SAME)
def test_a_run_is_the_same_on_all_tiers(guest: str) -> None:
    found = {}
    for tiers in TIERS:
        result, console = run(guest, tiers, **SAME[guest])
        vcpu = result.vcpus[0]
        counts = vcpu.instructions, vcpu.blocks, vcpu.traps, vcpu.interrupts
        found[tiers] = counts, console, vcpu.registers
    assert all(one == found[DEFAULT_TIERS] for one in found.values())


def test_the_interpreter_alone_makes_no_code() -> None:
    result, _ = run("mix", "interpreter", rounds=20)
    assert result.code_cache["written"] == 0


def test_address_translation_on_unicorn_is_one_line() -> None:
    machine = Machine(GUESTS / "paged.elf", engine="unicorn")
    result = machine.run(console=io.BytesIO())
    (failure,) = result.failures
    said = (
        r"vCPU 0: engine unicorn: the guest turns on address translation at pc 0x\w+; expected .*"
    )
    assert re.fullmatch(said, failure)
    assert result.exit_status == EXIT_FAULT


@pytest.mark.parametrize("guest", ["mix", "paged"])
def test_time_spent_in_the_interpreter_gets_code(guest: str) -> None:
    result, _ = run(guest, "interpreter,optimised", rounds=100)
    assert result.code_cache["written"] > 0


def test_what_is_observed_of_translated_addresses_is_exact_in_better_code() -> None:
    totals = {}
    for tiers in TIERS:
        plugins = ("icount", "hotblocks")
        result, _ = run("paged", tiers, plugins=plugins, check=True, rounds=60)
        reports = result.to_json()["plugins"]
        icount = reports["icount"]
        assert result.vcpus[0].instructions == icount["total"]["instructions"]
        totals[tiers] = icount, reports["hotblocks"]
    assert totals["interpreter"] == totals[DEFAULT_TIERS]


@pytest.mark.parametrize("tiers", TIERS)
def test_several_harts_share_what_is_predecoded(tiers: str) -> None:
    result, _ = run("counter", tiers, smp=3, rounds=20000)
    misses = [vcpu.cache_misses for vcpu in result.vcpus]
    alone, _ = run("counter", tiers, rounds=20000)
    assert sum(misses) < 3 * alone.vcpus[0].cache_misses


@pytest.mark.parametrize("smp", [2, 4, 8])
@pytest.mark.parametrize("tiers", TIERS)
def test_no_interrupt_between_harts_is_lost(tiers: str, smp: int) -> None:
    rounds = 300
    _, console = run("ipi", tiers, smp=smp, rounds=rounds)
    others = [f"hart {hart} interrupts {rounds}" for hart in range(1, smp)]
    expected = [f"hart 0 answers {rounds * (smp - 1)}", *others]
    assert console.decode().splitlines() == expected


PLUGINS = ("icount", "hotblocks,top=0", "memtrace")


def test_what_is_attached_is_told_of_everything_whatever_the_tiers() -> None:
    found = {}
    for tiers in TIERS:
        result, _ = run("counter", tiers, plugins=PLUGINS, rounds=1000)
        blocks = result.plugins["hotblocks"]["hottest"]
        found[tiers] = (
            result.vcpus[0].instructions,
            result.plugins["icount"]["total"],
            sorted((block["pc"], block["executions"]) for block in blocks),
            result.plugins["memtrace"]["accesses"],
        )
    assert all(one == found[DEFAULT_TIERS] for one in found.values())
