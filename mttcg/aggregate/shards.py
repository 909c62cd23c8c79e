"""An aggregator in shards: processes that consume some vCPUs' records each, and one that merges.

Shard I of N has the vCPUs whose index leaves the remainder I. What it has gathered goes through a
pipe: when the streams have ended, and before that as often as interim reports are wanted. So a
shard that dies loses what it consumed since, and no more; the others, and the guest, go on.
"""

import json
import os
import select
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import RawIOBase
from typing import TYPE_CHECKING, Any

from mttcg.aggregate.aggregation import (
    CONNECT_SECONDS,
    aggregator_errors,
    maker_of,
    stop_on_interrupt,
)
from mttcg.errors import EXIT_FAULT, EXIT_USER, MttcgError, UserError
from mttcg.instrument.loading.loader import Plugin
from mttcg.option_values import SMP_MAX
from mttcg.parent import signal_at_end_of_parent
from mttcg.supervisor.delivery.aggregator_process import is_stopped
from mttcg.supervisor.start.host_process import PYTHON
from mttcg.supervisor.start.launch import end_text
from mttcg_bus.errors import BusError
from mttcg_bus.host.threads import single_threaded
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.aggregator import (
    Aggregator,
    Outcome,
    consume_all,
    merged,
    report_of,
    save,
    with_report,
)
from mttcg_bus.subscriber.interim import Every, Paced, so_far
from mttcg_bus.subscriber.state import pack_state, unpack_state
from mttcg_bus.subscriber.subscriber import Subscriber, ask_snapshot
from mttcg_bus.wire.stream import received_of, topic_of

if TYPE_CHECKING:
    from mttcg_bus.wire.security import Security

READ_BYTES = 1 << 20
NEVER = float("inf")


def shard_prefixes(streams: Sequence[str], shard: int, shards: int) -> list[str]:
    """Give the topics of a shard's vCPUs; those that the run does not have do no harm."""
    return [topic_of(name, cpu) for name in streams for cpu in range(shard, SMP_MAX, shards)]


def run_shard(
    url: str,
    plugin: Plugin,
    place: tuple[int, int],
    descriptor: int,
    *,
    policy: str,
    security: "Security | None",
    interim: float,
) -> Outcome:
    """Consume what shard I of N gets, and write its state to a descriptor.

    place: I and N. interim: seconds between states, 0 for one at the end alone. Ends early, in
    order, when nobody reads the descriptor any more.
    """
    make, (shard, shards) = maker_of(plugin), place
    # nothing is begun before the connection is there, and who merges may be gone already
    signal_at_end_of_parent(signal.SIGKILL)
    if not is_read(descriptor):
        raise SystemExit(0)

    def subscribe() -> Subscriber:
        streams = own_streams(ask_snapshot(url, CONNECT_SECONDS, security).next, plugin)
        return Subscriber(
            url,
            shard_prefixes(streams, shard, shards),
            f"{plugin.name}/{shard}",
            connect_seconds=CONNECT_SECONDS,
            policy=policy,
            security=security,
        )

    with (
        os.fdopen(descriptor, "wb", buffering=0) as out,
        refusals_handed_over(out),
        subscribe() as subscriber,
        stop_on_interrupt(subscriber.stop),
        aggregator_errors(plugin),
    ):
        signal_at_end_of_parent(0)
        aggregator = make(subscriber.run)
        aggregator.begin(shard)
        hand_over(out, part_bytes(b"", None))

        def tell() -> None:
            found = so_far(subscriber, plugin.name, aggregator, make(subscriber.run))
            hand_over(out, part_bytes(pack_state(found), None))

        def look() -> None:
            if not is_read(descriptor):
                subscriber.stop()
            every()

        every = Every(interim or NEVER, tell)
        outcome = consume_all(Paced(subscriber, look), aggregator)
        aggregator.end()
        hand_over(out, part_bytes(pack_state(aggregator), outcome))
    return outcome


def is_read(descriptor: int) -> bool:
    """Whether the other end of a pipe is there."""
    poller = select.poll()
    poller.register(descriptor, 0)  # the reader's end is reported unasked
    return not poller.poll(0)


def hand_over(out: RawIOBase, data: bytes) -> None:
    """Write all of `data`; if nobody reads it any more, that is for the run to say."""
    left = memoryview(data)
    with suppress(BrokenPipeError):
        while left:
            left = left[out.write(left) or 0 :]


@contextmanager
def refusals_handed_over(out: RawIOBase) -> Iterator[None]:
    """Leave an error of the bus, or an option that can't be met, to who merges."""
    try:
        yield
    except (BusError, UserError) as error:
        hand_over(out, part_bytes(b"", Outcome({}, False, {}, (), str(error))))
        raise SystemExit(error.exit_status) from error


def own_streams(parts: Any, plugin: Plugin) -> list[str]:
    """Give the names of a plugin's streams, of what has (stream, cpu) as its keys."""
    return sorted({stream for stream, _ in parts if stream.startswith(f"{plugin.name}.")})


def part_bytes(state: bytes, outcome: Outcome | None) -> bytes:
    """Write what a shard has: a line of JSON, then the state; no outcome in an interim one.

    A part without a state says that the shard is ready to consume, having subscribed, or with an
    outcome, why it is not.
    """
    head: dict[str, Any] = {"bytes": len(state)}
    if outcome is not None:
        head["missing"] = outcome.missing
        head["gaps"] = [[*part, count] for part, count in outcome.gaps.items()]
        head["failure"] = outcome.failure
        head["received"] = [[*part, *counts] for part, counts in outcome.received.items()]
    return json.dumps(head).encode() + b"\n" + state


class ShardLostError(MttcgError):
    """A shard ended before it was ready: by a mistake of the user's if its status says so."""

    def __init__(self, wrong: str, status: int) -> None:
        super().__init__(wrong)
        self.exit_status = EXIT_USER if status == EXIT_USER else EXIT_FAULT


@dataclass
class Shard:
    """One that runs, as the merging process sees it: what has come, and its last state.

    subscribed: whether it has said so, and that it is ready to consume. news: whether a state came
    since somebody set this to False. given_up: whether it was killed as a signal had stopped it.
    """

    number: int
    process: "subprocess.Popen[bytes]"
    descriptor: int
    buffer: bytearray = field(default_factory=bytearray)
    state: bytes | None = None
    outcome: Outcome | None = None
    subscribed: bool = False
    news: bool = False
    given_up: bool = False

    @classmethod
    def start(cls, number: int, command: Sequence[str]) -> "Shard":
        """Start shard `number` of the aggregator that `command` runs."""
        ours, theirs = os.pipe()
        try:
            process = subprocess.Popen(
                [*PYTHON, "-m", "mttcg", *command, "--state-fd", str(theirs)],
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=single_threaded(),
                start_new_session=True,  # a signal to the user's group is the merging one's
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return cls(number, process, ours)

    def read(self) -> bool:
        """Take in what has come; False at the end."""
        data = os.read(self.descriptor, READ_BYTES)
        self.buffer += data
        while (end := self.buffer.find(b"\n")) >= 0:
            head = json.loads(self.buffer[:end])
            after = end + 1 + head["bytes"]
            if len(self.buffer) < after:
                break
            if head["bytes"]:
                self.state, self.news = bytes(self.buffer[end + 1 : after]), True
            self.subscribed = self.subscribed or "failure" not in head
            del self.buffer[:after]
            if "failure" in head:
                gaps = {(stream, cpu): count for stream, cpu, count in head["gaps"]}
                missing = tuple((stream, cpu) for stream, cpu in head["missing"])
                whole = not (gaps or missing or head["failure"])
                came = received_of(head["received"])
                self.outcome = Outcome({}, whole, gaps, missing, head["failure"], came)
        return bool(data)

    def wrong(self, shards: int) -> str:
        """Say what went wrong with it, "" if nothing did; waits for its end."""
        status = self.process.wait()
        if self.outcome is not None:
            return self.outcome.failure
        ended = "was stopped, and killed" if self.given_up else f"died ({end_text(status)})"
        died = f"shard {self.number} of {shards} {ended}"
        if not self.subscribed:
            return died
        left = "its last interim state is used" if self.state else "what it had is lost"
        return f"{died}; {left}"


@dataclass
class Shards:
    """All shards of one aggregator, and what they have in sum.

    subscribed: called when every shard has, and is ready to consume.
    told: called with the report so far when every shard that lives has sent a state; None: never.
    """

    plugin: Plugin
    run: RunInfo
    shards: list[Shard]
    subscribed: Callable[[], None]
    told: Callable[[dict[str, Any]], None] | None = None

    @classmethod
    @contextmanager
    def start(
        cls,
        plugin: Plugin,
        run: RunInfo,
        count: int,
        command: Sequence[str],
        subscribed: Callable[[], None],
        told: Callable[[dict[str, Any]], None] | None,
    ) -> "Iterator[Shards]":
        """Start `count` shards of the aggregator that `command` runs; none is left afterwards."""
        made = cls(plugin, run, [], subscribed, told)
        try:
            for number in range(count):
                made.shards.append(Shard.start(number, [*command, "--shard", f"{number}/{count}"]))
            yield made
        finally:
            made.close()

    def watch(self) -> Outcome:
        """Read until all have ended; what is missing of a shard that died, the failure says.

        Raises ShardLostError for one that ends before it is ready.
        """
        begun = False
        with selectors.DefaultSelector() as selector:
            for shard in self.shards:
                selector.register(shard.descriptor, selectors.EVENT_READ, shard)
            while waiting := selector.get_map():
                for key, _ in selector.select():
                    if not key.data.read():
                        selector.unregister(key.fd)
                        if not key.data.subscribed:
                            wrong = key.data.wrong(len(self.shards))
                            raise ShardLostError(wrong, key.data.process.returncode)
                if not begun and all(shard.subscribed for shard in self.shards):
                    begun = True
                    self.subscribed()
                living = [key.data for key in waiting.values()]
                going = [shard for shard in living if shard.outcome is None]
                if going and all(shard.news for shard in going):
                    self._tell(living)
        return self._outcome()

    def _tell(self, living: Sequence[Shard]) -> None:
        for shard in living:
            shard.news = False
        if self.told is not None:
            found = self._merged()
            self.told(report_of(found))
            with aggregator_errors(self.plugin):
                save(found)

    def _merged(self) -> Aggregator:
        make = maker_of(self.plugin)
        states = (shard.state for shard in self.shards if shard.state is not None)
        with aggregator_errors(self.plugin):
            parts = (unpack_state(state, make(self.run)) for state in states)
            return merged(parts, make(self.run))

    def _outcome(self) -> Outcome:
        wrong = [text for shard in self.shards if (text := shard.wrong(len(self.shards)))]
        outcomes = [shard.outcome for shard in self.shards if shard.outcome is not None]
        gaps = {part: count for outcome in outcomes for part, count in outcome.gaps.items()}
        missing = tuple(part for outcome in outcomes for part in outcome.missing)
        came = {part: count for outcome in outcomes for part, count in outcome.received.items()}
        with aggregator_errors(self.plugin):
            found = self._merged()
            save(found)
            failure = "; ".join(dict.fromkeys(wrong))
            outcome = Outcome({}, not (failure or gaps or missing), gaps, missing, failure, came)
            return with_report(outcome, found)

    def interrupt(self) -> None:
        """Have them stop in order."""
        for shard in self.shards:
            shard.process.send_signal(signal.SIGINT)

    def give_up_stopped(self) -> None:
        """Kill those that a signal has stopped; what they had is missing, and the others go on."""
        for shard in self.shards:
            if is_stopped(shard.process):
                shard.given_up = True
                shard.process.kill()

    def close(self) -> None:
        """Kill those that are left."""
        for shard in self.shards:
            if shard.process.poll() is None:
                shard.process.kill()
            shard.process.wait()
            os.close(shard.descriptor)
