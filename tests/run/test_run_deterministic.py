"""`--deterministic`: a run repeats, with any plugins, in any tier, however harts would race."""

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from run_harness import GUESTS, plugin

from mttcg import Machine
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.vcpu.machine.turns import TurnPlan

WAYS: list[dict[str, Any]] = [
    {},
    {"plugins": ["icount", "hotblocks", "memtrace"]},
    {"plugins": ["execlog"], "tiers": "interpreter"},
    {"check": True, "plugins": ["howvec", "memtrace,top=3"]},
    {"pin": True, "code_cache": 8 << 20},
]
"""How a run may differ from another that is the same to the guest."""
FAULT = {"rounds": 40, "fault": 1}


def run(name: str, folder: Path, symbols: dict[str, int] | None = None, **options: Any) -> Any:
    """A run that repeats: what of it has to be the same."""
    console = io.BytesIO()
    plugins = [*options.pop("plugins", []), plugin("ram_digest", out=folder)]
    options = {"smp": 3, "memory": 16 << 20, "deterministic": True, "plugins": plugins} | options
    machine = Machine(GUESTS / f"{name}.elf", symbols_set=symbols or {}, **options)
    result = machine.run(console=console)
    assert result.failures == []
    counts = [(v.instructions, v.blocks, v.traps, v.interrupts) for v in result.vcpus]
    memory = [path.read_text() for path in sorted(folder.glob("ram*"))]
    assert len(memory) == len(counts)
    return console.getvalue(), result.exit_status, counts, memory


@pytest.mark.parametrize("name", ["counter", "ipi", "timer"])
def test_runs_are_the_same_whatever_is_attached(name: str, tmp_path: Path) -> None:
    symbols = {"counter": {"rounds": 50}}.get(name, {})
    first, *others = (run(name, tmp_path, symbols, **way) for way in WAYS)
    for other in others:
        assert other == first


@pytest.mark.parametrize("quantum", [1, 1000])
def test_turns_may_be_short(quantum: int, tmp_path: Path) -> None:
    ways = ({}, {"tiers": "interpreter"}, {"plugins": ["memtrace"]})
    found = [run("counter", tmp_path, {"rounds": 5}, quantum=quantum, **way) for way in ways]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("quantum", [50_000, 10_000_000])
def test_code_is_optimised_and_the_run_is_the_same(quantum: int, tmp_path: Path) -> None:
    options: dict[str, Any] = {"smp": 2, "deterministic": True, "quantum": quantum}
    options |= {"symbols_set": {"rounds": 100}, "code_store": None}
    found = []
    for tiers in (None, "interpreter"):
        chosen = {"tiers": tiers} if tiers else {}
        result = Machine(GUESTS / "mix.elf", **options, **chosen).run(console=io.BytesIO())
        assert (result.code_cache["written"] > 0) == (tiers is None)
        found.append([(v.instructions, v.blocks, v.traps, v.interrupts) for v in result.vcpus])
    assert found[0] == found[1]


def test_each_hart_runs_the_same_instructions(tmp_path: Path) -> None:
    logs = []
    for number in range(2):
        out = tmp_path / f"log{number}"
        run("counter", tmp_path, {"rounds": 5}, plugins=[f"execlog,out={out}"], smp=2)
        lines = out.read_text().splitlines()
        logs.append([[line for line in lines if line.startswith(f"{cpu} ")] for cpu in range(2)])
    assert logs[0] == logs[1]
    assert all(logs[0])


def test_a_seed_draws_a_run_and_some_seed_loses_an_update(tmp_path: Path) -> None:
    def seeded(seed: int) -> Any:
        return run("races", tmp_path, FAULT, quantum=10, seed=seed, smp=2)

    found = [seeded(seed) for seed in range(6)]
    assert len({str(each) for each in found}) > 1
    lost = [seed for seed, (text, *_) in enumerate(found) if b"counted 80\n" not in text]
    assert lost, "no seed of six loses an update in turns of ten instructions"
    for seed in lost[:2]:
        assert seeded(seed) == found[seed]


def test_time_is_what_is_retired_and_jumps_while_all_sleep(tmp_path: Path) -> None:
    first = run("timer", tmp_path, smp=1)
    assert first == run("timer", tmp_path, smp=1, quantum=333), "one hart has no other to wait for"


def test_lengths_are_drawn_around_the_quantum() -> None:
    assert [TurnPlan(50).length(turn) for turn in range(3)] == [50] * 3
    plan = TurnPlan(50, seed=9)
    lengths = [plan.length(turn) for turn in range(2000)]
    assert set(lengths) <= set(range(1, 100))
    assert 45 < sum(lengths) / len(lengths) < 55
    assert any(a != b for a, b in pairwise(plan.choose(turn, [1, 2, 3]) for turn in range(20)))
    assert lengths == [TurnPlan(50, seed=9).length(turn) for turn in range(2000)]


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"quantum": 5}, "--quantum: there is no --deterministic"),
        ({"seed": 5}, "--seed: there is no --deterministic"),
        ({"deterministic": True, "quantum": 0}, "--quantum: 0 is out of range"),
        ({"deterministic": True, "seed": -1}, "--seed: -1 is out of range"),
        ({"deterministic": True, "engine": "unicorn"}, "unicorn can't stop after a number"),
        ({"deterministic": True, "drives": ["x,write"]}, "--drive with `write`: what comes"),
        ({"deterministic": True, "shares": ["/"]}, "--share: what comes from there"),
        ({"deterministic": True, "nets": ["passt"]}, "expected no --net with --deterministic"),
    ],
)
def test_what_does_not_go_together_is_said(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(OptionError) as caught:
        Config(guest=GUESTS / "counter.elf", **options).check()
    assert wrong in str(caught.value)
