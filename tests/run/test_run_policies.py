"""Runs whose subscribers are slower than the guest: what each policy makes of it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from run_harness import eventually, guest

from mttcg import Machine, RunResult
from mttcg.errors import OptionError
from mttcg_bus import Batch, Gap, Subscriber, ask_ledger
from mttcg_bus.wire.limits import LEAST_CREDIT

STREAM = "memtrace.access"


def adds_up(ledger: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether every record that was emitted is delivered or dropped, and there were some."""
    return bool(ledger) and all(
        counts["emitted"] == counts["delivered"] + counts["dropped"] > 0
        for counts in ledger.values()
    )


def run_beside(subscribe: Callable[[str], Any], **options: Any) -> RunResult:
    """Run a guest that makes more records than any queue takes; the subscriber is there first."""
    machine = Machine(
        guest("mix"),
        plugins=["memtrace"],
        symbols_set={"rounds": 1},
        aggregate=False,
        wait_subscribers=1,
        **options,
    )
    result = machine.run(console=BytesIO(), on_bus=subscribe)
    assert adds_up(result.ledger)
    for subscriber in result.subscribers:
        assert adds_up(subscriber["ledger"])
    return result


class Late:
    """A subscriber that takes nothing until records were dropped, and then everything."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def __call__(self, url: str) -> None:
        subscriber = Subscriber(url, ("",), "late", credit=LEAST_CREDIT, **self.options)
        threads = ThreadPoolExecutor(1)
        self.taken = threads.submit(self._take, url, subscriber)
        threads.shutdown(wait=False)

    def _take(self, url: str, subscriber: Subscriber) -> tuple[int, int]:
        """Records that came, and records that gaps tell of."""
        eventually(lambda: ask_ledger(url)["streams"][STREAM]["dropped"])
        came = missing = 0
        with subscriber:
            for item in subscriber:
                came += len(item.records) if isinstance(item, Batch) else 0
                missing += item.count if isinstance(item, Gap) else 0
        return came, missing


def test_a_stream_that_drops_goes_on_and_says_what_is_missing() -> None:
    late = Late()
    result = run_beside(late, policies={"memtrace": "drop"})
    counts = result.ledger[STREAM]
    came, missing = late.taken.result()
    assert (result.exit_status, result.failures) == (0, [])
    assert (came, missing) == (counts["delivered"], counts["dropped"])
    assert counts["dropped"] > 0


def test_a_vcpu_does_not_wait_for_a_full_ring_that_drops() -> None:
    late = Late(policy="block")
    result = run_beside(late, policies={STREAM: "drop:oldest", "memtrace": "block"})
    counts = result.ledger[STREAM]
    assert (result.exit_status, result.failures) == (0, [])
    assert sum(late.taken.result()) == counts["emitted"]
    assert counts["dropped"] > 0
    assert (counts["stalled_ns"], result.vcpus[0].seconds_stalled) == (0, 0.0)


def test_a_subscriber_that_hangs_costs_the_run_its_status_but_not_its_end() -> None:
    hanging = []

    def hang(url: str) -> None:
        hanging.append(Subscriber(url, ("",), "hanging"))

    result = run_beside(hang, stall_limit=0.5)
    assert (result.exit_status, result.stop_reason) == (70, "the guest ended")
    lost, undelivered = result.failures
    assert lost.startswith("subscriber hanging left ")
    assert lost.endswith("records undone: acknowledged nothing in 0.5 s")
    assert undelivered.startswith(f"stream {STREAM}: ")
    (left,) = result.subscribers
    assert (left["name"], left["ledger"][STREAM]["delivered"]) == ("hanging", 0)
    assert result.ledger[STREAM]["delivered"] == 0
    assert result.vcpus[0].seconds_stalled > 0
    hanging[0].close()


def test_a_sample_reaches_the_aggregator() -> None:
    policies = {"memtrace": "sample:100"}
    result = Machine(guest("hello"), plugins=["memtrace"], policies=policies).run(console=BytesIO())
    counts = result.ledger[STREAM]
    assert result.exit_status == 0
    assert result.plugins["memtrace"]["accesses"] == counts["delivered"]
    assert counts["delivered"] == -(-counts["emitted"] // 100)
    assert adds_up(result.ledger)


@pytest.mark.parametrize(
    ("plugins", "expected"),
    [(["memtrace"], f"one of {STREAM}"), (["icount"], "a plugin that has a stream")],
)
def test_a_policy_of_a_stream_that_is_not_there_is_a_mistake(
    plugins: list[str], expected: str
) -> None:
    machine = Machine(guest("hello"), plugins=plugins, policies={"memtrac": "drop"})
    with pytest.raises(OptionError, match=f"no stream memtrac; expected {expected}"):
        machine.run(console=BytesIO())
