"""A whole run whose code is more than the arena holds."""

import io
from pathlib import Path
from typing import Any

from mttcg import Machine

ROOT = Path(__file__).parents[2]
MIX = ROOT / "examples" / "guests" / "mix.elf"
RESTLESS = Path(__file__).with_name("plugins") / "restless.py"
HARTS, ROUNDS, CALLS_A_ROUND = 2, 10, 10


def run(code_cache: int) -> tuple[Any, bytes]:
    console = io.BytesIO()
    machine = Machine(
        MIX,
        smp=HARTS,
        engine="llvm",
        tiers="quick,optimised",  # all is translated, so that there is enough to fill an arena
        code_cache=code_cache,
        plugins=(str(RESTLESS),),
        symbols_set={"rounds": ROUNDS},
    )
    result = machine.run(console=console)
    assert (result.exit_status, result.failures, result.warnings) == (0, [], [])
    assert result.code_cache["bytes"] == code_cache
    return result, console.getvalue()


def test_a_full_arena_is_reclaimed_and_every_count_stays_exact() -> None:
    small, large = run(4 << 20), run(64 << 20)
    assert small[0].code_cache["reclaimed"] > 0
    assert large[0].code_cache["reclaimed"] == 0
    assert large[0].code_cache["written"] > 4 << 20
    assert sorted(small[1].splitlines()) == sorted(large[1].splitlines())
    for left, right in zip(small[0].vcpus, large[0].vcpus, strict=True):
        assert left.callbacks == right.callbacks == ROUNDS * CALLS_A_ROUND
    moved = [result.plugins["restless"]["vcpus"] for result, _ in (small, large)]
    assert moved[0] == moved[1]
    assert all(row["moved"] > 0 for row in moved[0])
