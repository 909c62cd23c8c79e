"""Running cases in rounds of all variants (A B C A B C ...), so that drift meets all alike."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mttcg_bench.errors import NotAvailable, OutputsDiffer
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.quiet import ACCEPTED, Onlooker, load, wait_for_quiet
from mttcg_bench.tools import TOOLS

Sample = dict[str, float]
"""Metrics of one run, with `foreign_cores` (what others used meanwhile) and `load` before it."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How often, and how patiently.

    `patience` is how many seconds to wait for a quiet machine before each run; a run that others
    disturbed is tried `attempts` times, and the least disturbed is taken.
    """

    runs: int = 5
    patience: float = 30.0
    attempts: int = 2


@dataclass(frozen=True)
class CaseResult:
    """What came of a case: samples by variant, one a round; or why it could not run."""

    case: Case
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    reason: str = ""


def run_case(case: Case, plan: Plan, progress: Progress = lambda _text: None) -> CaseResult:
    """Run a case.

    Raises what a run raises, and OutputsDiffer; a tool that is not there is a reason in the result.
    """
    try:
        check_tools(case)
    except NotAvailable as missing:
        return CaseResult(case, reason=str(missing))
    samples: dict[str, list[Sample]] = {variant.name: [] for variant in case.variants}
    outputs: dict[int, dict[str, str]] = {}
    for number in range(plan.runs):
        for variant in case.variants:
            progress(f"{case.name}: {variant.name}, {number + 1} of {plan.runs}")
            measurement, sample = take_sample(case, variant, plan)
            samples[variant.name].append(sample)
            if case.same_output and case.guest:
                check_output(case, variant, measurement, outputs)
    return CaseResult(case, samples)


def check_tools(case: Case) -> None:
    """Raise NotAvailable if a tool of the case is not there."""
    for variant in case.variants:
        reason = TOOLS[variant.tool].unavailable()
        if reason:
            raise NotAvailable(reason)


def take_sample(case: Case, variant: Variant, plan: Plan) -> tuple[Measurement, Sample]:
    """Run a variant until others left it alone, or until the attempts are used up."""
    best: tuple[Measurement, Sample] | None = None
    for _ in range(plan.attempts):
        if plan.patience:
            wait_for_quiet(plan.patience)
        before, onlooker = load(), Onlooker()
        measurement = TOOLS[variant.tool].measure(case, variant)
        foreign = onlooker.foreign_cores()
        if best is None or foreign < best[1]["foreign_cores"]:
            best = measurement, {**measurement.metrics, "foreign_cores": foreign, "load": before}
        if foreign <= ACCEPTED:
            break
    assert best is not None
    return best


def check_output(
    case: Case, variant: Variant, measurement: Measurement, outputs: dict[int, dict[str, str]]
) -> None:
    """Compare what the guest printed with the other variants of as many harts.

    Lines are compared in sorted order, as harts print in any; raises OutputsDiffer.
    """
    lines = "\n".join(sorted(measurement.output.split("\n"))).replace("\r", "").strip()
    seen = outputs.setdefault(variant.smp, {})
    seen[variant.name] = lines
    if len(set(seen.values())) > 1:
        raise OutputsDiffer(case.name, seen)
