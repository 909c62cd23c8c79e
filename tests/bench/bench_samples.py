"""Cases and results that the tests of the benchmarks have alike."""

from mttcg_bench.model import Bar, Case, Figure, Side, Variant
from mttcg_bench.runner import CaseResult

TINY = Case(
    name="tiny.mix",
    purpose="one round of mix",
    guest="mix",
    symbols={"rounds": 1},
    variants=(
        Variant("nothing"),
        Variant("icount", plugins=("icount",), counts="instructions"),
        Variant("Unicorn", "unicorn", settings={"mapping": "whole"}),
    ),
    figures=(Figure("time", (("icount", "guest", 1), ("nothing", "guest", -1)), "times"),),
    bars=(Bar("time", Side.AT_LEAST, 0.0, "a run takes time"),),
)


def result_of(case: Case, *rounds: dict[str, float], metric: str = "guest") -> CaseResult:
    """A result in which every variant took so many seconds, by round."""
    samples = {
        variant.name: [
            {metric: one[variant.name], "foreign_cores": 0.0, "load": 0.0} for one in rounds
        ]
        for variant in case.variants
    }
    return CaseResult(case, samples)
