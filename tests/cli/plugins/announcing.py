"""Aggregates in plain sight: says on stdout that records came, and raises when told to."""

from dataclasses import dataclass
from typing import Any

from mttcg.instrument.api.options import option
from mttcg_bus.subscriber.aggregator import Aggregator as Base


@dataclass(frozen=True)
class Options:
    broken: bool = option(False, help="raise at the first records")


class Aggregator(Base):
    records = 0

    def consume(self, stream: str, cpu: int, records: Any) -> None:
        if self.options.broken:
            raise ValueError("told to break")
        self.records += len(records)
        print(f"{stream} of vCPU {cpu}", flush=True)

    def report(self) -> dict[str, Any]:
        return {"records": self.records}
