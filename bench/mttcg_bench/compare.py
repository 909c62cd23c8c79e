"""Two runs beside each other: how each figure changed, and whether something became worse."""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mttcg_bench.agreement import ERRORS, Pair, chances
from mttcg_bench.model import Better, Figure, Resource
from mttcg_bench.pace import PACE, POWER
from mttcg_bench.results import results_of
from mttcg_bench.runner import CaseResult, Sample
from mttcg_bench.summary import Spread, rounds_of, spreads, value_of
from mttcg_bench.tables import FigureTable, number, short_span

THRESHOLD = 1.1


@dataclass(frozen=True)
class FigureChange:
    """A figure in both runs: as measured, and what can be said of the difference.

    ratio: new over old as if the machine had been equally fast. chance: from 1 on, the ratio, or
    its inverse, up to which chance explains it.
    """

    case: str
    old: Spread
    new: Spread
    ratio: float
    chance: float

    @property
    def worse(self) -> float:
        """How many times worse it is; below 1 if it is better."""
        better = self.new.figure.better
        if better is Better.NEITHER:
            return 1.0
        return self.ratio if better is Better.LESS else 1 / self.ratio

    def is_worse(self, threshold: float) -> bool:
        """Whether it is worse by more than the threshold, and by more than chance explains."""
        return self.worse > max(threshold, self.chance)

    def verdict(self, threshold: float) -> str:
        """The change in words."""
        if self.is_worse(threshold):
            return "WORSE"
        if self.worse > threshold:
            return "within the spread"
        return "better" if 1 / self.worse > max(threshold, self.chance) else ""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FigureChange]:
    """The figures that both runs have, in the order of the new one."""
    before = {result.case.name: result for result in results_of(old)}
    for result in results_of(new):
        if result.case.name in before:
            yield from changes_of(before[result.case.name], result)


def changes_of(old: CaseResult, new: CaseResult) -> Iterator[FigureChange]:
    """The figures of a case that both runs have."""
    before, after = spreads(old), spreads(new)
    both = [name for name in after if name in before and comparable(before[name], after[name])]
    pairs = [pair_of(after[name].figure, old, new) for name in both]
    for name, pair, chance in zip(both, pairs, chances(pairs), strict=True):
        yield FigureChange(new.case.name, before[name], after[name], pair.ratio, chance)


def comparable(old: Spread, new: Spread) -> bool:
    """Whether there is a ratio of them."""
    return min(old.least, new.least) > 0


def pair_of(figure: Figure, old: CaseResult, new: CaseResult) -> Pair:
    """The rounds of both runs, at the same pace of the machine if both tell it."""
    told = not any(math.isnan(pace_of(one)) for run in (old, new) for one in rounds_of(figure, run))
    power = POWER.get(figure.unit, 0) if told else 0
    return Pair(values_of(figure, old, power), values_of(figure, new, power))


def values_of(figure: Figure, result: CaseResult, power: int) -> tuple[float, ...]:
    """A figure over the rounds, each divided by a power of the machine's pace in it."""
    return tuple(
        value_of(figure, one) / (pace_of(one) ** power) for one in rounds_of(figure, result)
    )


def pace_of(samples: Mapping[str, Sample]) -> float:
    """The machine's pace in a round; NaN if it was not taken."""
    return statistics.fmean(sample.get(PACE, math.nan) for sample in samples.values())


def pace_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What the machine's own pace was, new over old."""
    ratios = {one: ratio for one in Resource if (ratio := pace_ratio(old, new, one))}
    if not ratios:
        return "The machine's own pace is not known of both runs; all is compared as measured."
    told = " and ".join(f"that of the {one} {ratio:.3f}" for one, ratio in ratios.items())
    return (
        f"The machine's own pace, {told} times the old one's (medians); rates and times are "
        "compared as if it had been the same in every round."
    )


def pace_ratio(old: Mapping[str, Any], new: Mapping[str, Any], resource: Resource) -> float:
    """New over old, by the medians; 0 if one of the runs does not tell it."""
    before, after = (paces_of(run, resource) for run in (old, new))
    return statistics.median(after) / statistics.median(before) if before and after else 0.0


def paces_of(run: Mapping[str, Any], resource: Resource) -> list[float]:
    """The machine's pace beside each sample of the cases that are bound by a resource."""
    bound = (result for result in results_of(run) if result.case.bound_by is resource)
    taken = (samples for result in bound for samples in result.samples.values())
    return [sample[PACE] for samples in taken for sample in samples if PACE in sample]


def not_compared(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What can't be compared: figures that one of the runs alone has, or that are 0 in one."""
    before, after = (
        {
            f"{result.case.name}: {name}": spread
            for result in results_of(run)
            for name, spread in spreads(result).items()
        }
        for run in (old, new)
    )
    yield from (f"{name} (only in the old run)" for name in sorted(before.keys() - after.keys()))
    yield from (f"{name} (only in the new run)" for name in sorted(after.keys() - before.keys()))
    for name in sorted(before.keys() & after.keys()):
        if not comparable(before[name], after[name]):
            yield f"{name} (not above 0)"


def change_table(found: Iterable[FigureChange], threshold: float, pace: str) -> FigureTable:
    """Every figure with both runs, the ratio, and what chance explains of it."""
    rows = tuple(
        (
            change.case,
            change.new.figure.name,
            short_span(change.old),
            short_span(change.new),
            change.new.figure.unit,
            f"{change.ratio:.3f}",
            number(change.chance),
            change.verdict(threshold),
        )
        for change in found
    )
    headings = ("case", "figure", "old", "new", "unit", "new / old", "by chance", "")
    note = (
        f"{pace} By chance: the ratio, or its inverse, up to which the spread of the rounds "
        f"explains a change ({ERRORS} standard errors; how much rounds vary is taken from the "
        f"figure and from its case). WORSE: by more than {threshold:g} times and more than that."
    )
    return FigureTable("Old and new", headings, rows, note)
