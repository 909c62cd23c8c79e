"""What happens to the processes of a Linux guest, told to plugins: the kernel's functions are met.

A plugin that has one of the functions of KERNEL_FUNCTIONS gets a callback at the first instruction
of the function of the kernel that is named there; where nobody asks, nothing is attached.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.cpu import Cpu
from mttcg.instrument.loading.loader import Plugin
from mttcg.instrument.loading.plugin_functions import KERNEL_FUNCTIONS
from mttcg.isa.context import EVERYWHERE, scope_of
from mttcg.memory.address import Virtual
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu

SUPERVISOR = "supervisor"
"""The level of a kernel."""
WORD_MASK, SIGN = (1 << 64) - 1, 1 << 63


def signed(word: int) -> int:
    """A register's bits as a number that may be negative."""
    return word - (WORD_MASK + 1) if word & SIGN else word


class KernelEvents:
    """Attaches plugins' functions to the kernel's on one vCPU, and reads what they are given."""

    def __init__(self, guest: GuestOfVcpu) -> None:
        self.guest = guest
        self.met: set[tuple[str, int, str]] = set()
        self.calls: Mapping[str, Callable[[Callable[..., Any], Cpu], None]] = {
            "plugin_switch": self._switch,
            "plugin_process_start": self._start,
            "plugin_process_exec": self._exec,
            "plugin_process_exit": self._exit,
            "plugin_syscall_enter": self._syscall_enter,
            "plugin_syscall_return": self._syscall_return,
        }

    def follow(self) -> None:
        """Look at which plugins there are now."""
        for plugin in self.guest.plugins.values():
            for name, symbol in KERNEL_FUNCTIONS.items():
                key = plugin.name, plugin.epoch, name
                if hasattr(plugin.module, name) and key not in self.met:
                    self.met.add(key)
                    self._attach(plugin, name, self.guest.symbols[symbol])

    def _attach(self, plugin: Plugin, name: str, pc: Virtual) -> None:
        call, function = self.calls[name], getattr(plugin.module, name)
        limit = self.guest.limit
        limit = limit if limit is not None and limit.limits(plugin.name) else None

        def met(cpu: Cpu, _opaque: Any) -> None:
            if limit is None or limit.space in (None, cpu.space):
                call(function, cpu)

        met.__name__ = name
        where = Where.INSTRUCTION
        # one with a scope is not limited to what the program does at its own level
        scope = EVERYWHERE if limit is None else scope_of(self.guest.levels[SUPERVISOR], None)
        attachment = Attachment(plugin.name, where, self.guest.index, pc, met, scope=scope)
        self.guest.apply(Change(True, attachment))

    def _argument(self, number: int) -> int:
        """An argument of the kernel's function."""
        return self.guest.read_x(self.guest.processes_seen.linux.isa.arguments[number])

    def _switch(self, function: Callable[..., Any], cpu: Cpu) -> None:
        seen = self.guest.processes_seen
        before, after = seen.task(self._argument(0)), seen.task(self._argument(1))
        function(cpu, before, after)

    def _start(self, function: Callable[..., Any], cpu: Cpu) -> None:
        function(cpu, self.guest.processes_seen.task(self._argument(0)))

    def _exec(self, function: Callable[..., Any], cpu: Cpu) -> None:
        function(cpu, cpu.process)

    def _exit(self, function: Callable[..., Any], cpu: Cpu) -> None:
        function(cpu, cpu.process, self._argument(0))

    def _syscall_enter(self, function: Callable[..., Any], cpu: Cpu) -> None:
        seen = self.guest.processes_seen
        number, arguments, _ = seen.system_call(self._argument(0), entered=False)
        function(cpu, cpu.process, number, arguments)

    def _syscall_return(self, function: Callable[..., Any], cpu: Cpu) -> None:
        """What the plugin's function gives, unless it is None, is what the program gets."""
        seen, frame = self.guest.processes_seen, self._argument(0)
        number, arguments, result = seen.system_call(frame, entered=True)
        changed = function(cpu, cpu.process, number, arguments, signed(result))
        if changed is not None:
            seen.set_result(frame, int(changed) & WORD_MASK)
