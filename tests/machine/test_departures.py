"""Subscribers that have left, in the result: some one by one, the others in sum."""

from types import SimpleNamespace
from typing import cast

from mttcg.machine.delivery import Delivery
from mttcg_bus.control import Left
from mttcg_bus.departures import Departures
from mttcg_bus.ledger import Ledger
from mttcg_bus.limits import MOST_DEPARTURES
from mttcg_bus.publisher_process import PublisherProcess

STREAM = "memtrace.access"
COUNTS = Ledger(emitted=5, delivered=3, dropped=2)


def test_those_beyond_a_number_are_summed_up_and_what_they_lost_is_told() -> None:
    departures = Departures()
    for number in range(MOST_DEPARTURES + 1000):
        lost = 2 * (number >= MOST_DEPARTURES - 1)
        departures.add(Left(f"n{number}", "left", lost, 0, {STREAM: COUNTS.to_plain()}))
    delivery = Delivery.prepare([], 1)
    try:
        assert (delivery.subscribers(), delivery.more_subscribers()) == ([], {})
        ended = SimpleNamespace(departures=departures, alive=False, terminate=lambda: None)
        delivery.publisher = cast(PublisherProcess, ended)
        listed = delivery.subscribers()
        assert [each["name"] for each in listed] == [f"n{n}" for n in range(MOST_DEPARTURES)]
        summed = Ledger(emitted=5000, delivered=3000, dropped=2000).to_plain()
        assert delivery.more_subscribers() == {"count": 1000, "ledger": {STREAM: summed}}
        failures: list[str] = []
        delivery.finish(failures.append)
        assert failures == [
            f"subscriber n{MOST_DEPARTURES - 1} left 2 records undone: left",
            "1000 more subscribers left 2000 records undone",
        ]
    finally:
        delivery.close()
