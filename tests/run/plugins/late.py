"""Asks for every instruction as it is found, and counts what it is shown; may be loaded late."""

from typing import Any

from mttcg.instrument import Stream, instrument_block
from mttcg_bus import Aggregator

RECORD = [("pc", "<u8"), ("times", "<u4"), ("pad", "<u4")]


def plugin_init(options: Any) -> None:
    """Declare."""
    global seen
    seen = Stream("seen", RECORD)


def plugin_pre_translate(cpu: Any, pc: int) -> None:
    """Say where there is an instruction."""
    seen.emit(cpu, (pc, 0, 0))


def plugin_vcpu_start(cpu: Any) -> None:
    """Attach, so that something is called in every version of this file."""
    instrument_block(cpu, None, entered)


def entered(cpu: Any, block: Any, opaque: Any) -> None:
    """Nothing."""


class AggregatorOfSeen(Aggregator):
    """Collects the addresses."""

    def __init__(self, options: Any, run: Any) -> None:
        super().__init__(options, run)
        self.pcs: set[int] = set()

    def consume(self, stream: str, cpu: int, records: Any) -> None:
        self.pcs.update(records["pc"].tolist())

    def report(self) -> dict[str, Any]:
        return {"pcs": sorted(self.pcs)}


Aggregator = AggregatorOfSeen  # type: ignore[misc]
