"""Plugins that come and go in one vCPU process while its guest runs, and what they attached."""

import dataclasses
import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mttcg.errors import MttcgError
from mttcg.instrument.api import session
from mttcg.instrument.api.changes import MADE_BY_THE_VCPU, Attachment, Change
from mttcg.instrument.api.targets import BlockTable, Counter, Probe, Stream, VcpuWords
from mttcg.instrument.loading.initialise import forget_module, load_anew
from mttcg.instrument.loading.loader import Plugin
from mttcg.processes.scoreboards import MappedScoreboards
from mttcg.vcpu.instrumentation.exchange import Orders
from mttcg.vcpu.instrumentation.guest import Declarations, GuestOfVcpu
from mttcg.vcpu.instrumentation.rings import Emitters
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.orders import (
    BeginProgram,
    LoadPlugin,
    ReloadPlugin,
    TellInstruments,
    UnloadPlugin,
)
from mttcg.vcpu.protocol.vcpu_messages import InstrumentsTold, PluginRefused, VcpuWarning
from mttcg.vcpu.vcpu import Vcpu
from mttcg_bus.errors import BusError


@dataclass
class VcpuPlugins:
    """Does the supervisor's orders that concern plugins, between two blocks of its vCPU.

    `scoreboards`, `emitters` and `channel` are those of the vCPU process. `exit_plugin` runs a
    plugin's plugin_exit; `emit_table` emits what a block table has counted.
    """

    guest: GuestOfVcpu
    vcpu: Vcpu
    scoreboards: MappedScoreboards
    emitters: Emitters
    channel: Channel
    exit_plugin: Callable[[Plugin], None]
    emit_table: Callable[[BlockTable], None]

    @property
    def orders(self) -> Orders:
        """What it does."""
        limit = self.guest.limit
        of_program: Orders = {} if limit is None else {BeginProgram: limit.start}
        return of_program | {
            LoadPlugin: self.load,
            UnloadPlugin: self.unload,
            ReloadPlugin: self.reload,
            TellInstruments: self.tell,
        }

    def load(self, message: LoadPlugin, descriptors: list[int]) -> None:
        """Load a plugin, whose segments come along, and attach what it attaches."""
        scoreboards = len(message.scoreboards)
        for place, descriptor in zip(message.scoreboards, descriptors[:scoreboards], strict=True):
            self.scoreboards.descriptors[place] = descriptor
        for place, descriptor in zip(message.rings, descriptors[scoreboards:], strict=True):
            self.emitters.ring_fds[place] = descriptor
        try:
            self._load(message.spec, message.epoch)
        except (MttcgError, BusError) as error:
            self.channel.send(PluginRefused(message.epoch, str(error)))

    def _load(self, spec: str, epoch: int) -> None:
        first = self.guest.declarations
        declarations = Declarations(first.symbols, first.count, first.reach)
        try:
            plugin = dataclasses.replace(load_anew(declarations, spec), epoch=epoch)
        finally:
            session.set_guest(self.guest)
        for warning in declarations.warnings:
            self.channel.send(VcpuWarning(warning))
        guest = self.guest
        guest.plugins[plugin.name] = plugin
        guest.declarations.things |= declarations.things
        guest.registry.take_compiled(declarations.registry)
        order = guest.registry.load_order
        order[plugin.name] = max(order.values(), default=0) + 1
        for attachment in declarations.registry.attachments:
            if attachment.concerns(guest.index):
                guest.apply(Change(True, attachment))
        self.vcpu.follow_plugins()
        self.vcpu.follow_plan()
        self.vcpu.left_blocks.count_rest(1, plugin.name)
        self.vcpu.begin_plugin(plugin)

    def unload(self, message: UnloadPlugin, _descriptors: list[int]) -> None:
        """Let a plugin end, and let go of all that was made for it."""
        name = message.plugin
        self._end(name)
        self.emitters.drop(name)
        gc.collect()

    def _end(self, name: str) -> None:
        guest = self.guest
        plugin = guest.plugins.get(name)
        if plugin is None:  # it could not be loaded here
            self.scoreboards.drop(name)
            return
        self.vcpu.lifecycle.tell_one(name, "plugin_vcpu_exit")
        self.vcpu.left_blocks.count_rest(-1, name)
        things = [thing for thing in guest.declarations.things.values() if thing.plugin == name]
        for thing in things:
            if isinstance(thing, BlockTable):
                self.emit_table(thing)
        self.exit_plugin(plugin)
        for attachment in [a for a in guest.registry.attachments if a.plugin == name]:
            guest.apply(Change(False, attachment))
        self.vcpu.follow_plan()  # from here on no native code has an address of the plugin's
        del guest.plugins[name]
        for thing in things:
            del guest.declarations.things[name, thing.name]
        guest.registry.forget(name, plugin.module.__name__)
        if guest.costs is not None:
            guest.costs.forget(name)
        self.vcpu.follow_plugins()
        forget_module(plugin.module.__name__)
        self.scoreboards.drop(name)

    def reload(self, message: ReloadPlugin, descriptors: list[int]) -> None:
        """Let a plugin's old code end and its new code begin; its rings stay."""
        self._end(message.plugin)
        self.load(LoadPlugin(message.epoch, message.spec, message.scoreboards, ()), descriptors)
        gc.collect()

    def tell(self, message: TellInstruments, _descriptors: list[int]) -> None:
        """Say what is attached, and what it costs as far as that is known."""
        attached = tuple(
            self._describe(each)
            for each in self.guest.registry.attachments
            if each.where not in MADE_BY_THE_VCPU and each.plugin
        )
        costs = self.guest.costs.to_plain() if self.guest.costs is not None else ()
        self.channel.send(InstrumentsTold(message.question, attached, tuple(costs)))

    def _describe(self, attachment: Attachment) -> dict[str, Any]:
        found: dict[str, Any] = {
            "cpu": self.guest.index,
            "plugin": attachment.plugin,
            "where": str(attachment.where),
        }
        if attachment.pc is not None:
            found["pc"] = attachment.pc
        kind, name = kind_of(attachment.target)
        when = attachment.when.probe.name if attachment.when is not None else ""
        found |= {"kind": kind, "name": name, "once": attachment.once, "when": when}
        if kind == "python":
            found |= self.guest.registry.cost_of(attachment)
        elif isinstance(attachment.target, Counter):
            found["count"] = self.guest.counter_value(attachment.target, self.guest.index)
        return found


def kind_of(target: Any) -> tuple[str, str]:
    """What kind of target something is, and its name."""
    if isinstance(target, Stream):
        return "stream", target.name
    if isinstance(target, Probe):
        return "probe", target.name
    if isinstance(target, VcpuWords):
        return target.kind, target.name
    return "python", getattr(target, "__name__", repr(target))
