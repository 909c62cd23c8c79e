"""Gunther's universal scalability law: a model, fitted to what was measured.

N. J. Gunther, "Guerrilla Capacity Planning" (2007), chapter 4: with N processors,

    C(N) = N / (1 + contention * (N - 1) + coherence * N * (N - 1))

times the work of one is done in the same time. In N / C(N) - 1 both coefficients are linear, so
they are found by least squares; neither can be negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Law:
    """A fitted law; `residuals` are measured less predicted C, one for each point."""

    contention: float
    coherence: float
    residuals: tuple[float, ...]

    def __call__(self, processors: float) -> float:
        """The work that so many do, in that of one."""
        return predicted(self.contention, self.coherence, processors)


def predicted(contention: float, coherence: float, n: float) -> float:
    """C(N) as above."""
    return n / (1 + contention * (n - 1) + coherence * n * (n - 1))


def fit(points: Sequence[tuple[float, float]]) -> Law | None:
    """Fit the law to points (N, C(N)) with C(1) = 1; None with fewer than two beyond N = 1."""
    beyond = [(n, c) for n, c in points if n > 1 and c > 0]
    if len(beyond) < 2:
        return None
    n, c = np.array(beyond, float).T
    columns, target = np.stack([n - 1, n * (n - 1)], axis=1), n / c - 1
    # with two coefficients, what is not negative is one of: both free, either alone, none
    candidates = [np.linalg.lstsq(columns, target, rcond=None)[0], np.zeros(2)]
    for place in (0, 1):
        column = columns[:, place]
        alone = np.zeros(2)
        alone[place] = column @ target / (column @ column)
        candidates.append(alone)
    allowed = [one for one in candidates if (one >= 0).all()]
    best = min(allowed, key=lambda one: float(np.sum((columns @ one - target) ** 2)))
    contention, coherence = map(float, best)
    residuals = tuple(value - predicted(contention, coherence, at) for at, value in points)
    return Law(contention, coherence, residuals)
