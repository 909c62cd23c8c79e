"""What a run keeps of its bus has bounds: subscribers that have left, and streams."""

import json
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from mttcg.supervisor.delivery import streams as of_streams
from mttcg.supervisor.delivery.delivery import Delivery
from mttcg.supervisor.delivery.streams import Streams, TooManyStreamsError
from mttcg.supervisor.failures import Failures
from mttcg_bus.publisher.departures import Departures
from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.wire.control import Left
from mttcg_bus.wire.limits import MOST_DEPARTURES
from mttcg_bus.wire.stream import StreamSpec

STREAM = "memtrace.access"
COUNTS = Ledger(emitted=5, delivered=3, dropped=2)


def test_those_beyond_a_number_are_summed_up_and_what_they_lost_is_told() -> None:
    departures = Departures()
    for number in range(MOST_DEPARTURES + 1000):
        lost = 2 * (number >= MOST_DEPARTURES - 1)
        departures.add(Left(f"n{number}", "left", lost, 0, {STREAM: COUNTS.to_plain()}))
    streams = Streams.prepare([], 1)
    ended = SimpleNamespace(departures=Departures(), alive=False, terminate=lambda: None)
    delivery = Delivery(streams, cast(PublisherProcess, ended), None)
    try:
        assert (delivery.subscribers(), delivery.more_subscribers()) == ([], {})
        ended.departures = departures
        listed = delivery.subscribers()
        assert [each["name"] for each in listed] == [f"n{n}" for n in range(MOST_DEPARTURES)]
        summed = Ledger(emitted=5000, delivered=3000, dropped=2000).to_plain()
        assert delivery.more_subscribers() == {"count": 1000, "ledger": {STREAM: summed}}
        failures = Failures()
        delivery.finish(failures)
        assert failures.all() == [
            f"subscriber n{MOST_DEPARTURES - 1} left 2 records undone: left",
            "1000 more subscribers left 2000 records undone",
        ]
    finally:
        streams.close()


def test_streams_are_so_many_also_those_that_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_streams, "MOST_PARTS", 6)
    record = np.dtype([("pc", "<u8")])
    specs = [StreamSpec(f"a.s{n}", record, batch=1, capacity=2) for n in range(4)]
    plain = json.loads(json.dumps([spec.to_plain() for spec in specs]))
    streams = Streams.prepare(plain[:2], 2)
    try:
        streams.drop_rings("a.s0")
        streams.add_rings(plain[:1])
        streams.add_rings(plain[2:3])
        with pytest.raises(TooManyStreamsError, match="4 streams of 2 vCPUs; expected at most 6"):
            streams.add_rings(plain[3:])
        assert sorted(streams.ring_fds) == ["a.s0", "a.s1", "a.s2"]
    finally:
        streams.close()
    with pytest.raises(TooManyStreamsError):
        Streams.prepare(plain, 2)
