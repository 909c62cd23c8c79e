"""From samples to figures: median, least and most over the rounds, and whether the bars hold."""

import math
import statistics
from dataclasses import dataclass
from typing import Any

from mttcg_bench.model import Bar, Case, Figure
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
    """A bar beside what was measured; `holds` by the median, `always` in every round."""

    bar: Bar
    spread: Spread

    @property
    def holds(self) -> bool:
        """Whether the median is on the right side."""
        return self.bar.holds(self.spread.median)

    @property
    def always(self) -> bool:
        """Whether every round is on the right side."""
        return all(self.bar.holds(value) for value in self.spread.values)

    @property
    def text(self) -> str:
        """The verdict in words."""
        if not self.holds:
            return "fails"
        return "holds" if self.always else "holds by the median"


def value_of(figure: Figure, samples: dict[str, Sample]) -> float:
    """A figure of one round; `samples` by variant."""
    terms = (samples[variant][metric] ** exponent for variant, metric, exponent in figure.terms)
    return figure.factor * math.prod(terms)


def spreads(result: CaseResult) -> dict[str, Spread]:
    """The figures of a case by name; none if it could not run."""
    if result.reason or not all(result.samples.values()):
        return {}
    rounds = [
        dict(zip(result.samples, taken, strict=True))
        for taken in zip(*result.samples.values(), strict=True)
    ]
    return {
        figure.name: Spread(figure, tuple(value_of(figure, one) for one in rounds))
        for figure in result.case.figures
    }


def verdicts(result: CaseResult) -> list[Verdict]:
    """The bars of a case beside its figures; none if it could not run."""
    found = spreads(result)
    return [Verdict(bar, found[bar.figure]) for bar in result.case.bars if found]


def disturbed(result: CaseResult, figure: Figure | None = None) -> int:
    """How many samples, of a figure or of all, were taken while others used the machine."""
    wanted = {variant for variant, _, _ in figure.terms} if figure else result.samples.keys()
    taken = (sample for name in wanted for sample in result.samples[name])
    return sum(sample["foreign_cores"] > ACCEPTED for sample in taken)


def case_to_json(result: CaseResult) -> dict[str, Any]:
    """A case as JSON: what ran, the raw samples, the figures and the verdicts."""
    case = result.case
    if result.reason:
        return {"purpose": case.purpose, "skipped": result.reason}
    return {
        "purpose": case.purpose,
        "guest": case.guest,
        "symbols": dict(case.symbols),
        "variants": {
            variant.name: {
                "tool": variant.tool,
                "smp": variant.smp,
                "engine": variant.engine if variant.tool == "command" else "",
                "plugins": variant.plugins,
            }
            for variant in case.variants
        },
        "samples": result.samples,
        "disturbed": disturbed(result),
        "figures": {
            name: {
                "unit": spread.figure.unit,
                "median": spread.median,
                "min": spread.least,
                "max": spread.most,
                "noisy": spread.noisy,
            }
            for name, spread in spreads(result).items()
        },
        "bars": [
            {
                "claim": verdict.bar.claim,
                "figure": verdict.bar.figure,
                "side": str(verdict.bar.side),
                "limit": verdict.bar.limit,
                "verdict": verdict.text,
            }
            for verdict in verdicts(result)
        ],
    }


def case_from_json(case: Case, plain: dict[str, Any]) -> CaseResult:
    """The reverse of `case_to_json`, for the case of that name."""
    return CaseResult(case, plain.get("samples", {}), plain.get("skipped", ""))
