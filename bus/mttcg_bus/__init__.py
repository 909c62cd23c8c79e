"""The bus: records from translated code to subscribers, in batches, with nothing lost silently.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mttcg_bus.aggregator import Aggregator, Outcome, aggregate
    from mttcg_bus.controller import Control
    from mttcg_bus.errors import BusError
    from mttcg_bus.items import Batch, End, Gap, Opened
    from mttcg_bus.ledger import Ledger
    from mttcg_bus.publisher_process import PublisherProcess
    from mttcg_bus.recording import Recording
    from mttcg_bus.ring import RingProducer, create_ring, ledger_of
    from mttcg_bus.run_info import RunInfo
    from mttcg_bus.snapshot import Snapshot
    from mttcg_bus.stream import StreamSpec
    from mttcg_bus.subscriber import Subscriber, ask_ledger, ask_snapshot

__all__ = [
    "Aggregator",
    "Batch",
    "BusError",
    "Control",
    "End",
    "Gap",
    "Ledger",
    "Opened",
    "Outcome",
    "PublisherProcess",
    "Recording",
    "RingProducer",
    "RunInfo",
    "Snapshot",
    "StreamSpec",
    "Subscriber",
    "aggregate",
    "ask_ledger",
    "ask_snapshot",
    "create_ring",
    "ledger_of",
]

_MODULES = {
    "Aggregator": "aggregator",
    "Batch": "items",
    "BusError": "errors",
    "Control": "controller",
    "End": "items",
    "Gap": "items",
    "Ledger": "ledger",
    "Opened": "items",
    "Outcome": "aggregator",
    "PublisherProcess": "publisher_process",
    "Recording": "recording",
    "RingProducer": "ring",
    "RunInfo": "run_info",
    "Snapshot": "snapshot",
    "StreamSpec": "stream",
    "Subscriber": "subscriber",
    "aggregate": "aggregator",
    "ask_ledger": "subscriber",
    "ask_snapshot": "subscriber",
    "create_ring": "ring",
    "ledger_of": "ring",
}


def __getattr__(name: str) -> Any:
    """Load one of the names above."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
