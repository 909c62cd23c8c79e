"""Running a case in rounds of all variants (A B C A B C ...), so that drift meets all alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mttcg_bench.errors import BenchError, OutputsDiffer
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.pace import PACE, pace
from mttcg_bench.quiet import ACCEPTED, LoadMeter, WaitingBudget, load
from mttcg_bench.tools import TOOLS, guests

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


class CaseRun:
    """A case under way: what came of it so far."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.result = CaseResult(case, reasons=reasons_of(case))
        self._outputs: Outputs = {}

    def take_round(self, patience: WaitingBudget, progress: Progress = lambda _text: None) -> None:
        """Run each variant once, in their order.

        What one does wrong is in the result; the others go on without it.
        """
        for variant in self.case.variants:
            progress(f"{self.case.name}: {variant.name}")
            if variant.name not in self.result.reasons | self.result.failures:
                self._take(variant, patience)

    def _take(self, variant: Variant, patience: WaitingBudget) -> None:
        try:
            measurement, sample = take_sample(self.case, variant, patience)
            check_output(self.case, variant, measurement, self._outputs)
            self.result.samples.setdefault(variant.name, []).append(sample)
        except BenchError as error:
            self.result.failures[variant.name] = str(error)
            self.result.samples.pop(variant.name, None)


def reasons_of(case: Case) -> dict[str, str]:
    """By variant, why it can't run here, of those that can't."""
    told = {
        one.name: guests.unavailable(case.guest_of(one)) or TOOLS[one.tool].unavailable(one)
        for one in case.variants
    }
    return {name: reason for name, reason in told.items() if reason}


def take_sample(
    case: Case, variant: Variant, patience: WaitingBudget
) -> tuple[Measurement, Sample]:
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
    before, at_first, onlooker = load(), pace(case.bound_by), LoadMeter()
    measurement = TOOLS[variant.tool].measure(case, variant)
    beside = {"foreign_cores": onlooker.foreign_cores(), "load": before}
    between = (at_first + pace(case.bound_by)) / 2
    return measurement, {**measurement.metrics, **beside, PACE: between}


def check_output(case: Case, variant: Variant, measurement: Measurement, outputs: Outputs) -> None:
    """Compare what the guest printed with the first variant that did the same work.

    Lines are compared in sorted order, as harts print in any; raises OutputsDiffer.
    """
    guest = case.guest_of(variant)
    if not (case.same_output and guest):
        return
    lines = "\n".join(sorted(measurement.output.split("\n"))).replace("\r", "").strip()
    work = (guest, variant.smp, tuple(sorted(case.work_of(variant).items())))
    first, expected = outputs.setdefault(work, (variant.name, lines))
    if lines != expected:
        raise OutputsDiffer({first: expected, f"{variant.name} (this one)": lines})
