"""The bus: records from translated code to subscribers, in batches, with nothing lost silently.

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mttcg_bus.errors import BusError
    from mttcg_bus.publisher.process import PublisherProcess
    from mttcg_bus.recording.recording import Recording
    from mttcg_bus.ring.ledger import Ledger
    from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
    from mttcg_bus.run_info import RunInfo
    from mttcg_bus.subscriber.aggregator import Aggregator, Outcome, aggregate
    from mttcg_bus.subscriber.controller import Control
    from mttcg_bus.subscriber.items import Batch, End, Gap, Opened
    from mttcg_bus.subscriber.snapshot import Snapshot
    from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger, ask_snapshot
    from mttcg_bus.wire.stream import StreamSpec

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
    "Aggregator": "subscriber.aggregator",
    "Batch": "subscriber.items",
    "BusError": "errors",
    "Control": "subscriber.controller",
    "End": "subscriber.items",
    "Gap": "subscriber.items",
    "Ledger": "ring.ledger",
    "Opened": "subscriber.items",
    "Outcome": "subscriber.aggregator",
    "PublisherProcess": "publisher.process",
    "Recording": "recording.recording",
    "RingProducer": "ring.ring",
    "RunInfo": "run_info",
    "Snapshot": "subscriber.snapshot",
    "StreamSpec": "wire.stream",
    "Subscriber": "subscriber.subscriber",
    "aggregate": "subscriber.aggregator",
    "ask_ledger": "subscriber.subscriber",
    "ask_snapshot": "subscriber.subscriber",
    "create_ring": "ring.ring",
    "ledger_of": "ring.ring",
}


def __getattr__(name: str) -> Any:
    """Load one of the names above."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
