"""The tool `bus`: the whole way of a record, without a guest.

A producer process, its ring, the publisher process, ZeroMQ, and a subscriber that reduces here: in
the ring, or the bytes that came if the setting `borrow` says no.
"""

import time

import numpy as np

from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.ring import check, producing, reduce, spec_of
from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.ring.ring import ledger_of
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch, End
from mttcg_bus.subscriber.subscriber import Subscriber

RUN = RunInfo("bench", "none", 1, "none", 0x8000_0000, 4096, 0x8000_0000)
LIMIT_SECONDS = 60.0


def unavailable(_variant: Variant) -> str:
    """Why it can't run here: it can."""
    return ""


def measure(_case: Case, variant: Variant) -> Measurement:
    """Send so many records over the bus; raises RunFailed if the ledger is not complete."""
    count, totals = int(variant.settings["records"]), np.zeros(2, np.uint64)
    spec, borrow = spec_of(variant), bool(variant.settings.get("borrow", True))
    with producing(spec, count) as source:
        publisher = PublisherProcess.start(
            None, RUN, [spec], {spec.name: [source.ring]}, source.doorbell, [source.space]
        )
        try:
            with Subscriber(publisher.url, ("",), "bench", borrow_rings=borrow) as subscriber:
                began = source.begin()
                while not isinstance(item := next(subscriber), End):
                    if isinstance(item, Batch):
                        reduce(totals, item.records)
                seconds = time.perf_counter() - began
            publisher.finish(LIMIT_SECONDS)
            ledger = ledger_of(source.ring)
        finally:
            publisher.terminate()
    check(variant.name, totals, count, spec.dtype.itemsize)
    stalled = ledger.stalled_ns * 1e-9
    return Measurement({"records": count, "seconds": seconds, "stalled": stalled})
