"""Loading, unloading and reloading plugins while the guest runs, as the supervisor does it.

Each is a task (`supervisor.tasks`). One runs at a time.

A plugin is tried first, in a process that the vCPU host forks for it: that says what it needs, or
what is wrong with it. Then its segments are made, its streams published, its aggregator started;
then every vCPU loads it between two blocks. Unloading goes the other way round: what native code
uses is let go of by each vCPU when its own native code can't reach it any more, and the segments
when every vCPU has done that and everybody has all records.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from mttcg.errors import PluginError, UserError
from mttcg.state.vcpu_state import ENDED
from mttcg.supervisor.delivery.delivery import Delivery
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.start.launch import end_text
from mttcg.supervisor.tasks import Answer, CommandError, Condition, Task, Work
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.protocol.host_messages import RehearsalEnded, RehearsalRefused, Rehearse, Rehearsed
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.messages import expect
from mttcg.vcpu.protocol.needs import LoadedPlugin, Needs, Place, place_of
from mttcg.vcpu.protocol.orders import LoadPlugin, Order, ReloadPlugin, UnloadPlugin
from mttcg_bus.publisher.process import PublisherEvent
from mttcg_bus.ring.ring import mark_closed
from mttcg_bus.wire.control import StreamEnded, StreamsOpened
from mttcg_bus.wire.stream import StreamSpec

REPORT_SECONDS = 60.0
"""How long an aggregator may take from the end of its streams to its report."""


class LayoutChangedError(UserError):
    """A plugin's new code has other streams, or other records in them, than those that go on."""

    def __init__(self, plugin: str, wrong: str) -> None:
        super().__init__(
            f"plugin {plugin}: {wrong}; expected the same streams and records as before, which "
            "subscribers rely on; unload it, and load it"
        )
        self.plugin, self.wrong = plugin, wrong


class Loading:
    """The plugins of a run, as they come and go.

    `refusals` are the words of vCPUs that could not load one; `epochs`: since when those are there
    that came later.
    """

    def __init__(self, run: RunState, watch: Watch, delivery: Delivery) -> None:
        self.run, self.watch, self.delivery = run, watch, delivery
        self.streams, self.publisher = delivery.streams, delivery.publisher
        self.host = run.host
        self.epochs: dict[str, int] = {}
        self.rehearsal = 0
        self.rehearsed: Rehearsed | RehearsalRefused | None = None
        self.refusals: list[str] = []
        self.opened: set[str] = set()
        self.ended: set[str] = set()

    # what others say

    def hear_host(self, message: ProcessMessage) -> None:
        """Take in what came of trying a plugin: its process's words, or how it ended without."""
        if isinstance(message, Rehearsed | RehearsalRefused):
            if message.number == self.rehearsal:
                self.rehearsed = message
        elif (status := expect(message, RehearsalEnded).status) != 0 and self.rehearsed is None:
            ended = f"the process that tried the plugin ended ({end_text(status)})"
            self.rehearsed = RehearsalRefused(self.rehearsal, ended)

    def hear_publisher(self, event: PublisherEvent) -> None:
        """Take in what the publisher has done."""
        if isinstance(event, StreamsOpened):
            self.opened.update(event.names)
        elif isinstance(event, StreamEnded):
            self.ended.add(event.name)

    # what is there

    def plugins(self) -> list[Answer]:
        """The plugins that are loaded."""
        counted = self.run.counters()
        aggregated = {aggregator.plugin for aggregator in self.delivery.aggregators}
        return [
            {
                "name": plugin.name,
                "spec": plugin.spec,
                "epoch": self.epochs.get(plugin.name, 0),
                "streams": self._stream_names(plugin.name),
                "counters": counted.get(plugin.name, {}).get("total", {}),
                "aggregator": plugin.name in aggregated,
            }
            for plugin in self.host.needs.plugins
        ]

    def _stream_names(self, plugin: str) -> list[str]:
        return [name for name, spec in self.streams.specs.items() if spec.plugin == plugin]

    def _plugin(self, name: str) -> LoadedPlugin:
        for plugin in self.host.needs.plugins:
            if plugin.name == name:
                return plugin
        there = ", ".join(plugin.name for plugin in self.host.needs.plugins) or "none"
        raise CommandError(f"there is no plugin {name} loaded; expected one of: {there}")

    # tasks

    def load(self, spec: str) -> Task:
        """Load a plugin everywhere."""
        needs = yield from self._rehearse(spec)
        plugin = needs.plugins[0]
        name = plugin.name
        if any(name == other.name for other in self.host.needs.plugins):
            raise CommandError(f"plugin {name} is loaded already; expected `reload`, or another")
        streams = self.streams.add_rings(needs.streams)
        self._note(needs)
        try:
            yield from self._open(streams)
            if plugin.aggregator and self.run.config.aggregate:
                yield from self._start_aggregator(plugin)
        except CommandError:
            yield from self._unload(name)
            raise
        rings = tuple(place_of(spec.name) for spec in streams)
        scoreboards = places_of_scoreboards(needs)
        epoch = yield from self._load_everywhere(
            lambda epoch: LoadPlugin(epoch, plugin.spec, scoreboards, rings),
            name,
            scoreboards,
            rings,
        )
        return {"plugin": name, "epoch": epoch, "streams": self._stream_names(name)}

    def unload(self, name: str) -> Task:
        """Unload a plugin everywhere, and collect what it has found."""
        self._plugin(name)
        answer = yield from self._unload(name)
        self.run.past_reports[name] = answer["counters"] | answer["report"]
        return answer

    def reload(self, name: str, spec: str) -> Task:
        """Load a plugin anew; its streams and its aggregator go on."""
        before = self._plugin(name)
        needs = yield from self._rehearse(spec or before.spec)
        after = needs.plugins[0]
        if after.name != name:
            raise PluginError(name, f"{after.spec} is plugin {after.name}; expected {name}")
        self._check_layouts(name, needs.streams)
        self._take_out(name)
        old = self.run.scoreboards.take_out(name)
        self._note(needs)
        scoreboards = places_of_scoreboards(needs)
        try:
            epoch = yield from self._load_everywhere(
                lambda epoch: ReloadPlugin(epoch, name, after.spec, scoreboards), name, scoreboards
            )
            counters = old.counters(self.run.harts.harts).get(name, {})
        finally:
            old.close()
        return {
            "plugin": name,
            "epoch": epoch,
            "counters": counters,
            "streams": self._stream_names(name),
        }

    # steps

    def _rehearse(self, spec: str) -> Generator[Condition, None, Needs]:
        """What a plugin needs; CommandError with what is wrong with it."""
        self.rehearsed = None
        self.rehearsal += 1
        self.host.send(Rehearse(spec, self.rehearsal))
        yield lambda: self.rehearsed is not None or self.watch.host_lost
        if self.rehearsed is None:
            raise CommandError("the vCPU host is gone")
        if isinstance(self.rehearsed, RehearsalRefused):
            raise CommandError(self.rehearsed.reason)
        return self.rehearsed.needs

    def _check_layouts(self, name: str, streams: Sequence[dict[str, Any]]) -> None:
        new = {spec.name: spec for spec in map(StreamSpec.from_plain, streams)}
        old = {stream: self.streams.specs[stream] for stream in self._stream_names(name)}
        for stream in old.keys() ^ new.keys():
            what = "is there no more" if stream in old else "is new"
            raise LayoutChangedError(name, f"stream {stream} {what}")
        for stream, spec in new.items():
            if spec.dtype != old[stream].dtype:
                wrong = f"the records of stream {stream} have become {spec.dtype}"
                raise LayoutChangedError(name, wrong)

    def _note(self, needs: Needs) -> None:
        """Make the scoreboards, and count the plugin among those that are there."""
        self.run.scoreboards.add(needs.scoreboards, self.run.config.smp)
        self.host.add(needs)

    def _take_out(self, name: str) -> None:
        """Count a plugin among those that are there no more."""
        self.host.take_out(name)
        self.epochs.pop(name, None)

    def _open(self, streams: list[StreamSpec]) -> Work:
        """Publish streams."""
        names = {spec.name for spec in streams}
        self.opened -= names
        rings = {name: self.streams.ring_fds[name] for name in names}
        self.publisher.open_streams(streams, rings, self.host.plugin_specs())
        yield lambda: self.opened >= names

    def _start_aggregator(self, plugin: LoadedPlugin) -> Work:
        """Start an aggregator, and wait until it is ready; CommandError, and it is gone, if not."""
        aggregator = self.delivery.start_aggregator(plugin, self.run.config)
        self.watch.follow_aggregator(aggregator)
        yield lambda: aggregator.subscribed or aggregator.ended_reports
        if not aggregator.subscribed:
            why = aggregator.why_ended()
            aggregator.end()
            self.delivery.aggregators.remove(aggregator)
            raise CommandError(f"{aggregator.named} can't begin: {why}")

    def _load_everywhere(
        self,
        make: Callable[[int], Order],
        name: str,
        scoreboards: tuple[Place, ...],
        rings: tuple[Place, ...] = (),
    ) -> Generator[Condition, None, int]:
        """Let every vCPU load a plugin; CommandError, and it is unloaded, if one can't.

        The epoch at which it is there.
        """
        scoreboard_fds = [
            self.run.scoreboards.descriptors[scoreboard] for scoreboard in scoreboards
        ]
        ring_fds = [self.streams.ring_fds[".".join(ring)] for ring in rings]
        self.refusals.clear()
        self.epochs[name] = epoch = self.watch.order(
            make, lambda cpu: [*scoreboard_fds, *(fds[cpu] for fds in ring_fds)]
        )
        yield lambda: self._in_force(epoch)
        if self.refusals:
            wrong = self.refusals[0]
            yield from self._unload(name)
            raise CommandError(wrong)
        return epoch

    def _in_force(self, epoch: int) -> bool:
        return all(h.epoch >= epoch or h.state in ENDED for h in self.run.harts.harts)

    def _unload(self, name: str) -> Task:
        """Unload a plugin everywhere; what it had found."""
        epoch = self.watch.order(lambda epoch: UnloadPlugin(epoch, name))
        yield lambda: self._in_force(epoch)
        counters = self.run.counters().get(name, {})
        self._take_out(name)
        self.run.scoreboards.take_out(name).close()
        streams = self._stream_names(name)
        for stream in streams:  # of a vCPU that never had it, or is dead
            for ring in self.streams.ring_fds[stream]:
                mark_closed(ring)
        yield from self._end_streams(streams)
        report = yield from self._last_report(name)
        ledger = {stream: self.streams.past[stream].to_plain() for stream in streams}
        answer = {"plugin": name, "epoch": epoch, "counters": counters}
        return answer | {"report": report, "ledger": ledger}

    def _end_streams(self, streams: list[str]) -> Work:
        """Let go of streams when everybody has all that is in them."""
        self.ended -= set(streams)
        self.publisher.end_streams(streams, self.host.plugin_specs())
        yield lambda: self.ended >= set(streams)
        self.publisher.forget_streams(streams)
        for stream in streams:
            self.streams.drop_rings(stream)

    def _last_report(self, name: str) -> Task:
        """The report of a plugin's aggregator, which ends with its streams."""
        found = [each for each in self.delivery.aggregators if each.plugin == name]
        report: Answer = {}
        yield lambda: all(each.ended_reports or self.delivery.given_up(each) for each in found)
        for aggregator in found:
            given_up = self.delivery.given_up(aggregator)
            reported = aggregator.report(REPORT_SECONDS, given_up)
            if reported.wrong:
                self.watch.failures.add(reported.wrong)
            report = reported.report or {}
            aggregator.end()
            self.delivery.aggregators.remove(aggregator)
        return report


def places_of_scoreboards(needs: Needs) -> tuple[Place, ...]:
    """The scoreboards of what a plugin needs."""
    return tuple((scoreboard.plugin, scoreboard.name) for scoreboard in needs.scoreboards)
