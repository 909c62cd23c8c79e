"""The figures of a run, by case and name."""

from collections.abc import Iterable

from mttcg_bench.runner import CaseResult
from mttcg_bench.summary import Spread, spreads


class Measured:
    """The figures of a run, and which of them were asked for."""

    def __init__(self, results: Iterable[CaseResult]) -> None:
        self.by_case = {result.case.name: spreads(result) for result in results}
        self.used: dict[tuple[str, str], Spread] = {}

    def figure(self, case: str, name: str) -> Spread | None:
        """A figure of a case, None if it was not measured."""
        spread = self.by_case.get(case, {}).get(name)
        if spread is not None:
            self.used[case, name] = spread
        return spread

    def all_of(self, case: str) -> dict[str, Spread]:
        """All figures of a case that were measured."""
        found = self.by_case.get(case, {})
        self.used |= {(case, name): spread for name, spread in found.items()}
        return found
