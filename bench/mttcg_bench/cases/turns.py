"""Runs that repeat: harts that take turns, against harts that run in parallel."""

from mttcg_bench.cases.figures import cpu_over, ratio, time_over
from mttcg_bench.model import FEW_ROUNDS, Case, Figure, Variant

ROUNDS = 400
SHORT = 1000
"""Instructions of a short turn; another length is what `--quantum` is without being told."""
SHORT_TURNS_ROUNDS = 4


def deterministic() -> Case:
    """The harts' time with turns over that without, and CPU time, which no core changes."""
    parallel = {smp: Variant(f"parallel, {vcpus(smp)}", smp=smp, engine="llvm") for smp in (1, 2)}
    turns = {smp: with_turns(f"turns, {vcpus(smp)}", smp) for smp in (1, 2)}
    pairs = [(turns[smp], parallel[smp]) for smp in (1, 2)]
    few = {"rounds": SHORT_TURNS_ROUNDS}
    pairs.append(
        (
            with_turns(SHORT_TURNS, 2, ("--quantum", str(SHORT)), few),
            Variant("parallel, 2 vCPUs, for short turns", smp=2, engine="llvm", symbols=few),
        )
    )
    return Case(
        name="engines.deterministic",
        purpose="mix with --deterministic and without; short turns on a hundredth of the work",
        guest="mix",
        symbols={"rounds": ROUNDS},
        variants=tuple(variant for pair in pairs for variant in pair),
        figures=(
            *(time_over(f"{one.name}, over parallel", one.name, two.name) for one, two in pairs),
            *(cpu_over(f"{one.name}: CPU", one.name, two.name) for one, two in pairs),
            Figure(
                f"{SHORT_TURNS}: of a turn",
                ratio((SHORT_TURNS, "guest", 1), (SHORT_TURNS, "instructions", 1)),
                "us",
                1e6 * SHORT,
            ),
        ),
        rounds=FEW_ROUNDS,
    )


SHORT_TURNS = f"turns of {SHORT}, 2 vCPUs"


def with_turns(
    name: str, smp: int, arguments: tuple[str, ...] = (), symbols: dict[str, int] | None = None
) -> Variant:
    """A run that repeats."""
    return Variant(
        name,
        smp=smp,
        engine="llvm",
        settings={"arguments": ("--deterministic", *arguments)},
        symbols=symbols or {},
    )


def vcpus(smp: int) -> str:
    """So many of them."""
    return "1 vCPU" if smp == 1 else f"{smp} vCPUs"
