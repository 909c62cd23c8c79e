"""Telling plugins of a vCPU's life, by the functions that their modules have."""

from collections.abc import Callable
from typing import Any

from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.cpu import CallbackPhase, Cpu
from mttcg.memory.address import Virtual
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu

LIFECYCLE = (
    "plugin_vcpu_start",
    "plugin_vcpu_idle",
    "plugin_vcpu_resume",
    "plugin_vcpu_exit",
    "plugin_trap",
    "plugin_interrupt",
    "plugin_mmio",
    "plugin_dma",
)


class Lifecycle:
    """The plugins' lifecycle functions; those that nobody has cost a dictionary look-up."""

    def __init__(self, guest: GuestOfVcpu) -> None:
        self.guest = guest
        self.before: dict[str, Callable[[Cpu, Any], None]] = {}
        self.follow()

    def follow(self) -> None:
        """Look at which plugins there are now."""
        plugins = self.guest.plugins
        self.listeners = {
            name: [
                (plugin.name, getattr(plugin.module, name))
                for plugin in plugins.values()
                if hasattr(plugin.module, name)
            ]
            for name in LIFECYCLE
        }
        self.before = {name: call for name, call in self.before.items() if name in plugins}

    def has_listeners(self, name: str) -> bool:
        """Whether any plugin has a lifecycle function."""
        return bool(self.listeners[name])

    def tell(self, name: str, *arguments: Any, pc: Virtual | None = None) -> None:
        """Call a lifecycle function of every plugin that has it, with the vCPU first.

        `pc` is what its `cpu.pc` says, if not where the vCPU goes on.
        """
        for plugin, function in self.listeners[name]:
            self._call(plugin, function, arguments, pc)

    def tell_one(self, plugin: str, name: str) -> None:
        """Call a lifecycle function of one plugin, if it has that."""
        for listener, function in self.listeners[name]:
            if listener == plugin:
                self._call(plugin, function, (), None)

    def _call(
        self, plugin: str, function: Any, arguments: tuple[Any, ...], pc: Virtual | None
    ) -> None:
        at = self.guest.hart.pc if pc is None else pc
        cpu = self.guest.cpu
        self.guest.call(plugin, function, cpu, *arguments, phase=CallbackPhase.EXACT, pc=at)

    def attach_before_insn(self, plugin: Any, pc: Virtual) -> None:
        """Attach the older shape's `plugin_before_insn(pc, cpu)` at an instruction."""
        function = self.before.get(plugin.name)
        if function is None:

            def function(cpu: Cpu, _opaque: Any) -> None:
                plugin.module.plugin_before_insn(cpu.pc, cpu)

            self.before[plugin.name] = function
        cpu = self.guest.index
        attachment = Attachment(plugin.name, Where.INSTRUCTION, cpu, pc, function)
        self.guest.apply(Change(True, attachment))
