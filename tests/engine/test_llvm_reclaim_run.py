"""A whole run whose code is more than the arena holds, while the interpreter runs what is lost."""

import io
from pathlib import Path
from typing import Any

from mttcg import Machine

ROOT = Path(__file__).parents[2]
MIX = ROOT / "examples" / "guests" / "mix.elf"
PLUGINS = Path(__file__).with_name("plugins")
RESTLESS, WASTEFUL = (str(PLUGINS / f"{name}.py") for name in ("restless", "wasteful"))
HARTS, CALLS_A_ROUND = 2, 10
ROUNDS = (20, 80, 320)
"""As many as it takes: on a busy host few translations are made in a short run."""


def run(rounds: int, *plugins: str) -> tuple[Any, bytes]:
    console = io.BytesIO()
    machine = Machine(
        MIX,
        smp=HARTS,
        engine="llvm",
        code_cache=4 << 20,
        plugins=(RESTLESS, *plugins),
        check=True,
        symbols_set={"rounds": rounds},
    )
    result = machine.run(console=console)
    assert (result.exit_status, result.failures, result.warnings) == (0, [], [])
    return result, console.getvalue()


def test_a_full_arena_is_reclaimed_and_every_count_stays_exact() -> None:
    for rounds in ROUNDS:
        small = run(rounds, WASTEFUL)
        if small[0].code_cache["reclaimed"]:
            break
    large = run(rounds)
    assert small[0].code_cache["reclaimed"] > 0
    assert large[0].code_cache["reclaimed"] == 0 < large[0].code_cache["written"]
    assert sorted(small[1].splitlines()) == sorted(large[1].splitlines())
    for left, right in zip(small[0].vcpus, large[0].vcpus, strict=True):
        assert left.callbacks == right.callbacks == rounds * CALLS_A_ROUND
    moved = [result.plugins["restless"]["vcpus"] for result, _ in (small, large)]
    assert moved[0] == moved[1]
    assert all(row["moved"] > 0 for row in moved[0])
