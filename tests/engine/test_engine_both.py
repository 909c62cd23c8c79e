"""Both engines on the example guests: the same answers, the same counts."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from mttcg import Machine

GUESTS = Path(__file__).parents[2] / "examples" / "guests"
CHECK = os.environ.get("MTTCG_TEST_CHECK", "yes") == "yes"
"""Whether each run compares its counts with each other, see `--check`."""
ENGINES = ("unicorn", "llvm")

DETERMINISTIC: dict[str, dict[str, int]] = {
    "hello": {},
    "counter": {"rounds": 1000},
    "mix": {"rounds": 1},
    "ipi": {"rounds": 20},
    "selfmod": {"rounds": 10},
    "trap": {},
    "htif": {},
}
"""Guests that do the same at every run on one hart, and what to set in them."""


def run(guest: str, engine: str, smp: int = 1, plugins: tuple[str, ...] = (), **values: int) -> Any:
    """Run a guest; its result, with what it printed as `console`."""
    console = io.BytesIO()
    values = {"harts_expected": smp} | values
    machine = Machine(
        GUESTS / f"{guest}.elf",
        smp=smp,
        engine=engine,
        plugins=plugins,
        symbols_set=values,
        check=CHECK,
    )
    result = machine.run(console=console)
    assert result.failures == [], result.failures
    return result, console.getvalue().decode()


def figures(guest: str, engine: str, values: dict[str, int]) -> dict[str, Any]:
    """Everything of a run that both engines have to agree on."""
    plugins = ("icount", "hotblocks,top=0", "memtrace")
    result, console = run(guest, engine, plugins=plugins, **values)
    reports = result.plugins
    blocks, pages = reports["hotblocks"]["hottest"], reports["memtrace"]["hottest"]
    return {
        "status": result.exit_status,
        "console": console,
        "instructions": result.vcpus[0].instructions,
        "blocks": result.vcpus[0].blocks,
        "counted": reports["icount"]["total"],
        "hottest": sorted((b["pc"], b["executions"], b["instructions"]) for b in blocks),
        "accesses": reports["memtrace"]["accesses"],
        "pages": sorted((p["page"], p["reads"], p["writes"]) for p in pages),
    }


@pytest.mark.parametrize("guest", DETERMINISTIC)
def test_both_engines_print_count_and_trace_the_same(guest: str) -> None:
    one, other = (figures(guest, engine, DETERMINISTIC[guest]) for engine in ENGINES)
    assert one == other
    assert one["status"] == 0
    assert one["blocks"] == sum(executions for _, executions, _ in one["hottest"])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("guest", "values"),
    [
        ("counter", {"rounds": 20000}),
        ("litmus", {"rounds": 5000}),
        ("selfmod", {"rounds": 20}),
        ("ipi", {"rounds": 50}),
        ("timer", {"rounds": 5}),
    ],
)
def test_guests_that_check_themselves_pass_with_two_harts(
    engine: str, guest: str, values: dict[str, int]
) -> None:
    result, console = run(guest, engine, smp=2, **values)
    assert result.exit_status == 0, console


def test_llvm_has_the_floating_point_that_the_specification_asks_for() -> None:
    result, console = run("float", "llvm")
    assert result.exit_status == 0, console


def test_unicorn_differs_only_in_the_boxing_of_single_precision_results() -> None:
    _, console = run("float", "unicorn")
    wrong = [line.split("  ")[0] for line in console.splitlines() if line.endswith("WRONG")]
    assert wrong == ["1.0f / 3.0f", "1.0f not boxed", "double to single"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_second_vcpu_on_the_same_code_decodes_nothing_that_the_first_had(engine: str) -> None:
    result, _ = run("mix", engine, smp=2, rounds=1)
    misses = [vcpu.cache_misses for vcpu in result.vcpus]
    hits = [vcpu.cache_hits for vcpu in result.vcpus]
    alone, _ = run("mix", engine, smp=1, rounds=1)
    assert sum(misses) < sum(misses) + sum(hits)
    assert sum(misses) <= alone.vcpus[0].cache_misses + 60, "a block is decoded once, not per vCPU"
    assert min(hits) + max(hits) > 0
