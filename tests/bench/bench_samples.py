"""Cases and results that the tests of the benchmarks have alike."""

from mttcg_bench.model import Bar, Case, Figure, Side, Variant
from mttcg_bench.results import FORMAT, case_to_json
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


THREE = (
    {"nothing": 1.0, "icount": 2.0, "Unicorn": 1.0},
    {"nothing": 10.0, "icount": 30.0, "Unicorn": 1.0},
    {"nothing": 2.0, "icount": 8.0, "Unicorn": 1.0},
)


def plain_of(*results: CaseResult) -> dict[str, object]:
    """A run's JSON with these cases."""
    return {
        "format": FORMAT,
        "runs": 3,
        "minutes": 1.5,
        "taken": "2026-01-02",
        "commit": "0123456789ab",
        "host": {"processor": "a processor", "processors": 2, "system": "Linux", "governor": "no"},
        "peers": {"QEMU 7": "7.2.22"},
        "load_before": 0.1,
        "accepted_foreign_cores": 0.1,
        "cases": {result.case.name: case_to_json(result) for result in results},
    }
