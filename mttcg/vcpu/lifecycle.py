"""Telling plugins of a vCPU's life, by the functions that their modules have."""

from collections.abc import Callable
from typing import Any

from mttcg.instrument.changes import Attachment, Change, Where
from mttcg.instrument.cpu import Cpu, Moment
from mttcg.vcpu.guest import GuestOfVcpu

LIFECYCLE = (
    "plugin_vcpu_start",
    "plugin_vcpu_idle",
    "plugin_vcpu_resume",
    "plugin_vcpu_exit",
    "plugin_trap",
    "plugin_mmio",
)


class Lifecycle:
    """The plugins' lifecycle functions; those that nobody has cost a dictionary look-up."""

    def __init__(self, guest: GuestOfVcpu) -> None:
        self.guest = guest
        self.listeners = {
            name: [
                (plugin.name, getattr(plugin.module, name))
                for plugin in guest.plugins.values()
                if hasattr(plugin.module, name)
            ]
            for name in LIFECYCLE
        }
        self.before: dict[str, Callable[[Cpu, Any], None]] = {}

    def tell(self, name: str, *arguments: Any, pc: int | None = None) -> None:
        """Call a lifecycle function of every plugin that has it, with the vCPU first.

        `pc` is what its `cpu.pc` says, if not where the vCPU goes on.
        """
        for plugin, function in self.listeners[name]:
            at = self.guest.hart.pc if pc is None else pc
            cpu = self.guest.cpu
            self.guest.call(plugin, function, cpu, *arguments, moment=Moment.EXACT, pc=at)

    def attach_before_insn(self, plugin: Any, pc: int) -> None:
        """Attach the older shape's `plugin_before_insn(pc, cpu)` at an instruction."""
        function = self.before.get(plugin.name)
        if function is None:

            def function(cpu: Cpu, _opaque: Any) -> None:
                plugin.module.plugin_before_insn(cpu.pc, cpu)

            self.before[plugin.name] = function
        cpu = self.guest.index
        attachment = Attachment(plugin.name, Where.INSTRUCTION, cpu, pc, function)
        self.guest.apply(Change(True, attachment))
