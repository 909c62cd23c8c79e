"""Running a plugin's aggregator: what subscribe, replay and the shards of both share."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from mttcg.errors import MttcgError
from mttcg.instrument.loading.loader import Plugin
from mttcg.instrument.loading.second_half import aggregator_of, make_aggregator
from mttcg.instrument.program.guest_isa import use_isa
from mttcg.supervisor.results.result import json_ready
from mttcg.terminal import tell_error

if TYPE_CHECKING:
    from mttcg_bus.run_info import RunInfo
    from mttcg_bus.subscriber.aggregator import Aggregator, Outcome

CONNECT_SECONDS = 10.0
"""How long the publisher may take to answer."""


class AggregatorError(MttcgError):
    """A plugin's aggregator raised; `plugin` names it, `error` is what it raised."""

    def __init__(self, plugin: str, error: Exception) -> None:
        super().__init__(f"plugin {plugin}: its aggregator raised {type(error).__name__}: {error}")
        self.plugin, self.error = plugin, error


def maker_of(plugin: Plugin) -> "Callable[[RunInfo], Aggregator]":
    """Give what makes the plugin's aggregators, with its options; PluginError if it has none.

    From then on instructions are those of the run's guest.
    """
    aggregator_of(plugin)

    def make(run: "RunInfo") -> "Aggregator":
        use_isa(run.isa)
        return make_aggregator(plugin, run)

    return make


@contextmanager
def aggregator_errors(plugin: Plugin) -> Iterator[None]:
    """Make what the plugin's code raises an AggregatorError, with the traceback on stderr.

    But for BrokenPipeError: whoever reads what is found is gone. Of a limit of the host the
    traceback says nothing.
    """
    from mttcg_bus.errors import BusError
    from mttcg_bus.host.limits import NO_ROOM, limit_of

    try:
        yield
    except (BusError, MttcgError, BrokenPipeError):
        raise
    except Exception as error:
        if getattr(error, "errno", None) not in NO_ROOM and not limit_of(error):
            tell_error(error)
        raise AggregatorError(plugin.name, error) from error


@contextmanager
def stop_on_interrupt(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Let the first Ctrl-C call `stop`, which is to end the work in order; gives what signals came.

    A second one raises KeyboardInterrupt. An ignored SIGINT stays ignored.
    """
    caught: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, signal.default_int_handler)
        stop()

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield caught
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)


def outcome_json(plugin: str, outcome: "Outcome") -> dict[str, Any]:
    """Give the object that --json writes: the report, and what it lacks if it is incomplete."""
    missing = [{"stream": stream, "cpu": cpu} for stream, cpu in outcome.missing]
    gaps = [
        {"stream": stream, "cpu": cpu, "records": count}
        for (stream, cpu), count in outcome.gaps.items()
    ]
    found: dict[str, Any] = json_ready(
        {
            "plugin": plugin,
            "report": outcome.report,
            "complete": outcome.complete,
            "missing": missing,
            "gaps": gaps,
            "failure": outcome.failure,
        }
    )
    return found


def incomplete_text(outcome: "Outcome") -> str:
    """Say in one line what the aggregator did not get."""
    lost = sum(outcome.gaps.values())
    parts = [f"{lost:,} records are missing"] if lost else []
    if outcome.missing:
        named = ", ".join(f"{stream} of vCPU {cpu}" for stream, cpu in outcome.missing[:4])
        parts.append(f"{len(outcome.missing)} streams did not end ({named})")
    return "; ".join([*parts, outcome.failure] if outcome.failure else parts)
