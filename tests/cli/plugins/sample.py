"""Counts what it is told to count.

The second paragraph of its documentation.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import mttcg_bus
from mttcg.instrument.api.options import option

KEPT = "state of the module"


@dataclass(frozen=True)
class Options:
    top: int = option(20, help="how many to report")
    share: float = option(0.5, help="share of them that is shown")
    name: str = option("all", help="which to count")
    values: bool = option(False, help="record values too")
    order: Literal["address", "count"] = option("count", help="sort by this")
    out: Path | None = field(default=None, metadata={"help": "file for the records"})


class Aggregator(mttcg_bus.Aggregator):
    def __init__(self, options: Options, run: Any) -> None:
        super().__init__(options, run)
        self.total = 0
        self.per_cpu: dict[int, int] = {}

    def consume(self, stream: str, cpu: int, records: Any) -> None:
        self.total += int(records["value"].sum())
        self.per_cpu[cpu] = self.per_cpu.get(cpu, 0) + len(records)

    def lost(self, stream: str, cpu: int, count: int) -> None:
        raise AssertionError("nothing is lost in these tests")

    def merge(self, other: mttcg_bus.Aggregator) -> None:
        super().merge(other)
        assert isinstance(other, Aggregator)
        self.total += other.total
        for cpu, count in other.per_cpu.items():
            self.per_cpu[cpu] = self.per_cpu.get(cpu, 0) + count

    def report(self) -> dict[str, Any]:
        rows = [{"cpu": cpu, "records": count} for cpu, count in sorted(self.per_cpu.items())]
        return {"total": self.total, "per_cpu": rows[: self.options.top]}
