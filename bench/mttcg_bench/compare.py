"""Two runs beside each other: how each figure changed, and whether something became worse."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mttcg_bench.model import Better
from mttcg_bench.results import results_of
from mttcg_bench.summary import Spread, spreads
from mttcg_bench.tables import Table, short_span

THRESHOLD = 1.1


@dataclass(frozen=True)
class Change:
    """A figure in both runs."""

    case: str
    old: Spread
    new: Spread

    @property
    def ratio(self) -> float:
        """New over old."""
        return self.new.median / self.old.median if self.old.median else math.inf

    @property
    def worse(self) -> float:
        """How many times worse it is; below 1 if it is better."""
        better = self.new.figure.better
        if better is Better.NEITHER or self.ratio <= 0:
            return 1.0
        return self.ratio if better is Better.LESS else 1 / self.ratio

    @property
    def overlap(self) -> bool:
        """Whether the ranges of both meet, so that chance may have made the change."""
        (new_least, new_most), (old_least, old_most) = self.new.range, self.old.range
        return new_least <= old_most and old_least <= new_most

    def is_worse(self, threshold: float) -> bool:
        """Whether it is worse by more than the threshold, and beyond both spreads."""
        return self.worse > threshold and not self.overlap

    def verdict(self, threshold: float) -> str:
        """The change in words."""
        if self.is_worse(threshold):
            return "WORSE"
        if self.worse > threshold:
            return "within the spread"
        return "better" if self.worse < 1 / threshold and not self.overlap else ""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """The figures that both runs have, in the order of the new one."""
    before = {result.case.name: spreads(result) for result in results_of(old)}
    for result in results_of(new):
        known = before.get(result.case.name, {})
        for name, spread in spreads(result).items():
            if name in known:
                yield Change(result.case.name, known[name], spread)


def in_one_only(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What can't be compared: figures that one of the runs alone has."""
    before, after = (
        {f"{result.case.name}: {name}" for result in results_of(run) for name in spreads(result)}
        for run in (old, new)
    )
    yield from (f"{name} (only in the old run)" for name in sorted(before - after))
    yield from (f"{name} (only in the new run)" for name in sorted(after - before))


def change_table(found: Iterable[Change], threshold: float) -> Table:
    """Every figure with both runs and the ratio."""
    rows = tuple(
        (
            change.case,
            change.new.figure.name,
            short_span(change.old),
            short_span(change.new),
            change.new.figure.unit,
            f"{change.ratio:.3f}",
            change.verdict(threshold),
        )
        for change in found
    )
    headings = ("case", "figure", "old", "new", "unit", "new / old", "")
    note = (
        f"WORSE: by more than {threshold:g} times, and the ranges of both runs lie apart: from the "
        "least to the most of n rounds, and 1 / (n - 1) of that to both sides."
    )
    return Table("Old and new", headings, rows, note)
