"""Plugins that see one program of a Linux guest alone: its code at user level, in its space.

What they attach waits until the program starts, which stands still then: the guest's first process
asks, again and again, whether all vCPUs have attached it. So nothing of the program is missed, and
what runs before it runs as if nothing were attached.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mttcg.instrument.api.changes import Attachment, Change
from mttcg.instrument.api.process import GuestProcess
from mttcg.instrument.errors import NoKernelError
from mttcg.instrument.loading.plugin_functions import UNLIMITED
from mttcg.isa.context import EVERYWHERE, Scope, scope_of
from mttcg.linux.program_place import load_bias
from mttcg.linux.registry import kernel_isa
from mttcg.state.vcpu_state import ENDED
from mttcg.vcpu.protocol.orders import BeginProgram
from mttcg.vcpu.protocol.vcpu_messages import ProgramBegins, VcpuWarning

USER = "user"
"""The level at which programs run."""


class ProgramLimit:
    """Holds, on one vCPU, what plugins attach, and limits it to the program.

    Args:
        guest: the vCPU's, of which this is a part.

    Attributes:
        space: the program's, None before it starts, or if nobody knows it.
        began: whether it has started.
    """

    def __init__(self, guest: Any) -> None:
        self.guest = guest
        self.began = self.asked = False
        self.space: int | None = None
        self.scope: Scope = EVERYWHERE
        self.epoch = 0
        self.waiting: dict[Attachment, None] = {}

    def begin(self) -> None:
        """Put aside what was attached before the vCPUs were there."""
        registry = self.guest.registry
        for attachment in [a for a in registry.attachments if self.limits(a.plugin)]:
            registry.apply(Change(False, attachment))
            self.waiting[attachment] = None
        if self.guest.index == 0:
            for name, plugin in self.guest.plugins.items():
                if functions := [each for each in UNLIMITED if hasattr(plugin.module, each)]:
                    seen = f"plugin {name} sees the whole guest, not the program alone"
                    self._warn(f"{seen}: it has {', '.join(functions)}")

    def _warn(self, text: str) -> None:
        self.guest.exchange.tell(VcpuWarning(text))

    def limits(self, plugin: str) -> bool:
        """Whether a plugin is limited: it is one, and has no function that can't be."""
        found = self.guest.plugins.get(plugin)
        return found is not None and not any(hasattr(found.module, each) for each in UNLIMITED)

    def limited(self, change: Change) -> Change | None:
        """Return what a change is within the limit, None if it waits."""
        attachment = change.attachment
        if not self.limits(attachment.plugin):
            return change
        if self.began:
            return Change(change.add, self._within(attachment))
        if change.add:
            self.waiting[attachment] = None
        else:
            self.waiting.pop(attachment, None)
        return None

    def _within(self, attachment: Attachment) -> Attachment:
        """The same where the program runs; one with a scope of its own has that."""
        if attachment.scope != EVERYWHERE or attachment.process is not None:
            return attachment
        return replace(attachment, scope=self.scope)

    def ask(self, process: int) -> bool:
        """The first process says that a program is about to run; whether it may."""
        if not self.asked and not self.began:
            self.asked = True
            self.guest.exchange.tell(ProgramBegins(self._space_of(process)))
        harts = self.guest.harts
        return self.began and all(h.epoch >= self.epoch or h.state in ENDED for h in harts)

    def _space_of(self, process: int) -> int:
        """The space of a process, 0 if nobody knows."""
        try:
            found = [each for each in self.guest.processes(False) if each.pid == process]
            if found and self.guest.program is not None:
                self._check_place(found[0], self.guest.program)
        except NoKernelError as error:
            self._warn(f"plugins see the whole guest, not the program alone: {error}")
            return 0
        return found[0].space if found else 0

    def _check_place(self, process: GuestProcess, program: Path) -> None:
        """Warn if the program is not where its names are."""
        bias = load_bias(program, kernel_isa(self.guest.isa.name))
        areas = self.guest.areas(process.task)
        starts = [each.start for each in areas if Path(each.path).name == program.resolve().name]
        if bias and starts and min(starts) != bias:
            self._warn(
                f"{program} is at {min(starts):#x}, not at {bias:#x}, where the names of its "
                "functions are"
            )

    def start(self, message: BeginProgram, _descriptors: list[int]) -> None:
        """The supervisor says that the program runs from now on: attach what waits."""
        if self.began:
            return
        self.began, self.epoch = True, message.epoch
        if message.space:
            self.space = message.space
            self.scope = scope_of(self.guest.levels[USER], message.space)
        for attachment in self.waiting:
            self.guest.apply(Change(True, attachment))
        self.waiting.clear()
