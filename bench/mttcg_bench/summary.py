"""From samples to figures: median, least and most over the rounds, and whether the bars hold."""

import math
import statistics
from dataclasses import dataclass, replace

from mttcg_bench.model import Bar, Figure
from mttcg_bench.quiet import ACCEPTED
from mttcg_bench.runner import CaseResult, Sample

NOISY = 0.15
"""A spread (most less least, over the median) beyond which a figure is marked."""


@dataclass(frozen=True)
class Spread:
    """A figure over all rounds."""

    figure: Figure
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The smallest one."""
        return min(self.values)

    @property
    def most(self) -> float:
        """The largest one."""
        return max(self.values)

    @property
    def noisy(self) -> bool:
        """Whether the rounds disagree too much."""
        return self.most - self.least > NOISY * abs(self.median)


@dataclass(frozen=True)
class Verdict:
    """A bar beside what was measured; `spread` is None, with the reason, if it was not."""

    bar: Bar
    spread: Spread | None
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether it was measured and the median is on the right side."""
        return self.spread is not None and self.bar.holds(self.spread.median)

    @property
    def always(self) -> bool:
        """Whether every round is on the right side."""
        return self.spread is not None and all(map(self.bar.holds, self.spread.values))

    @property
    def goal_reached(self) -> bool:
        """Whether the median is on the right side of what is hoped for, too."""
        goal = self.bar.goal
        return goal is not None and self.holds and replace(self.bar, limit=goal).holds(self.median)

    @property
    def median(self) -> float:
        """The median of what was measured."""
        return math.nan if self.spread is None else self.spread.median

    @property
    def text(self) -> str:
        """The verdict in words."""
        if self.spread is None:
            return f"not measured: {self.reason}"
        if not self.holds:
            return "missed"
        reached = "goal reached" if self.goal_reached else "met"
        return reached if self.always else f"{reached} by the median"


def value_of(figure: Figure, samples: dict[str, Sample]) -> float:
    """A figure of one round; `samples` by variant.

    NaN where something was divided by 0, or was not measured: a process too short to be looked at.
    """
    over = under = 1.0
    for variant, metric, exponent in figure.terms:
        value = samples[variant].get(metric, math.nan) ** abs(exponent)
        over, under = (over * value, under) if exponent > 0 else (over, under * value)
    # divided once, so that equals over equals are 1 and nothing else
    return figure.factor * (over / under) if under else math.nan


def spread_of(figure: Figure, result: CaseResult) -> Spread | None:
    """A figure over the rounds of a case; None if one of its variants has no samples."""
    values = tuple(value_of(figure, one) for one in rounds_of(figure, result))
    return Spread(figure, values) if values and all(map(math.isfinite, values)) else None


def rounds_of(figure: Figure, result: CaseResult) -> list[dict[str, Sample]]:
    """For each round the samples, by variant, that a figure is made of."""
    names = [variant for variant, _, _ in figure.terms]
    taken = [result.samples.get(name, []) for name in names]
    return [dict(zip(names, one, strict=True)) for one in zip(*taken, strict=False)]


def spreads(result: CaseResult) -> dict[str, Spread]:
    """The figures of a case by name, but for those whose variants could not run."""
    made = ((figure.name, spread_of(figure, result)) for figure in result.case.figures)
    return {name: spread for name, spread in made if spread is not None}


def verdicts(result: CaseResult) -> list[Verdict]:
    """The bars of a case beside its figures."""
    found, figures = spreads(result), {figure.name: figure for figure in result.case.figures}
    return [
        Verdict(bar, found.get(bar.figure), why_not(result, figures[bar.figure]))
        for bar in result.case.bars
    ]


def why_not(result: CaseResult, figure: Figure) -> str:
    """Why a figure could not be made: the reason or the failure of the first variant without."""
    for variant, _, _ in figure.terms:
        if reason := result.reasons.get(variant) or result.failures.get(variant):
            return reason.splitlines()[0]
    return "no sample of it"


def disturbed(result: CaseResult, figure: Figure | None = None) -> int:
    """How many samples, of a figure or of all, were taken while others used the machine."""
    wanted = {variant for variant, _, _ in figure.terms} if figure else result.samples.keys()
    taken = (sample for name in wanted for sample in result.samples.get(name, ()))
    return sum(sample["foreign_cores"] > ACCEPTED for sample in taken)
