"""How far two runs may lie apart by chance: what their rounds say of it.

The few rounds of one figure say little about how much it varies, those of all figures of its case
say more; so both are taken together, as the moderated t-statistic does (Smyth 2004, "Linear models
and empirical Bayes methods for assessing differential expression", section 4, with a fixed weight
of the prior). Everything is in logarithms, as ratios are compared.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WEIGHT = 6
"""Degrees of freedom that the variation of the whole case counts for."""
ERRORS = 4
"""Standard errors of the difference beyond which chance is no explanation: of 400 figures of two
runs that were equally fast, none should lie so far apart."""
OF_MEDIANS = math.pi / 2
"""The variance of a median over that of a mean, of many rounds that are normally distributed."""


@dataclass(frozen=True)
class Pair:
    """The rounds of one figure in two runs, at the same pace of the machine; all above 0."""

    old: tuple[float, ...]
    new: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """New over old, by the medians."""
        return statistics.median(self.new) / statistics.median(self.old)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the variance: rounds without the two means."""
        return len(self.old) + len(self.new) - 2

    @property
    def variance(self) -> float:
        """Of the logarithm of a round, pooled over both runs; 0 if one round is all there is."""
        return sum(map(squares, (self.old, self.new))) / self.freedom if self.freedom else 0.0

    def chance(self, variance: float) -> float:
        """The ratio up to which chance explains the difference, if rounds vary so much."""
        each = 1 / len(self.old) + 1 / len(self.new)
        return math.exp(ERRORS * math.sqrt(OF_MEDIANS * variance * each))


def squares(values: Sequence[float]) -> float:
    """The sum of squared differences of the logarithms from their mean."""
    logarithms = [math.log(value) for value in values]
    mean = statistics.fmean(logarithms)
    return sum((one - mean) ** 2 for one in logarithms)


def chances(pairs: Sequence[Pair]) -> list[float]:
    """For every figure of a case the ratio, from 1 on, up to which chance explains a change.

    Where every figure has one round, nothing is known of chance, and all are 1.
    """
    known = [pair for pair in pairs if pair.freedom]
    if not known:
        return [1.0] * len(pairs)
    of_case = statistics.fmean(pair.variance for pair in known)
    return [
        pair.chance((WEIGHT * of_case + pair.freedom * pair.variance) / (WEIGHT + pair.freedom))
        for pair in pairs
    ]
