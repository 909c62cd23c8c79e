"""Running cases in rounds of all variants (A B C A B C ...), so that drift meets all alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mttcg_bench.errors import BenchError, OutputsDiffer
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.pace import PACE, pace
from mttcg_bench.quiet import ACCEPTED, Onlooker, Patience, load
from mttcg_bench.tools import TOOLS

Sample = dict[str, float]
"""Metrics of one run, with `foreign_cores` (what others used meanwhile), `load` before it, and the
machine's own `pace` before and after it, on average."""
Progress = Callable[[str], None]
Outputs = dict[object, tuple[str, str]]
"""By what a variant does, the first variant that did it and what the guest printed."""


@dataclass(frozen=True)
class CaseResult:
    """What came of a case.

    samples: by variant, one a round. reasons: by variant, why it can't run here. failures: by
    variant, what went wrong with it; whoever has one of them has no samples.
    """

    case: Case
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def run_case(
    case: Case, runs: int, patience: Patience, progress: Progress = lambda _text: None
) -> CaseResult:
    """Run a case, `runs` rounds of it.

    What a variant can't do here, or does wrong, is in the result; the others go on without it.
    """
    result = CaseResult(case)
    for variant in case.variants:
        if reason := TOOLS[variant.tool].unavailable(variant):
            result.reasons[variant.name] = reason
    outputs: Outputs = {}
    for number in range(runs):
        for variant in case.variants:
            progress(f"{case.name}: {variant.name} ({number + 1} of {runs})")
            if variant.name in result.reasons or variant.name in result.failures:
                continue
            try:
                measurement, sample = take_sample(case, variant, patience)
                check_output(case, variant, measurement, outputs)
                result.samples.setdefault(variant.name, []).append(sample)
            except BenchError as error:
                result.failures[variant.name] = str(error)
                result.samples.pop(variant.name, None)
    return result


def take_sample(case: Case, variant: Variant, patience: Patience) -> tuple[Measurement, Sample]:
    """Run a variant; once more when it is quiet, if others disturbed it and patience is left."""
    first = measure(case, variant)
    if first[1]["foreign_cores"] <= ACCEPTED or patience.left <= 0:
        return first
    patience.wait_for_quiet()
    began = time.monotonic()
    second = measure(case, variant)
    patience.left -= time.monotonic() - began
    return min(first, second, key=lambda taken: taken[1]["foreign_cores"])


def measure(case: Case, variant: Variant) -> tuple[Measurement, Sample]:
    """Run a variant once."""
    before, at_first, onlooker = load(), pace(), Onlooker()
    measurement = TOOLS[variant.tool].measure(case, variant)
    beside = {"foreign_cores": onlooker.foreign_cores(), "load": before}
    return measurement, {**measurement.metrics, **beside, PACE: (at_first + pace()) / 2}


def check_output(case: Case, variant: Variant, measurement: Measurement, outputs: Outputs) -> None:
    """Compare what the guest printed with the first variant that did the same work.

    Lines are compared in sorted order, as harts print in any; raises OutputsDiffer.
    """
    if not (case.same_output and case.guest):
        return
    lines = "\n".join(sorted(measurement.output.split("\n"))).replace("\r", "").strip()
    work = (variant.smp, tuple(sorted(case.work_of(variant).items())))
    first, expected = outputs.setdefault(work, (variant.name, lines))
    if lines != expected:
        raise OutputsDiffer({first: expected, f"{variant.name} (this one)": lines})
