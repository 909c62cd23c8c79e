"""Calls of functions whose returns are awaited, on one vCPU.

A call that has begun is kept by where it returns to and its stack pointer, which is the same behind
the call. The calls that belong to one such pair are of functions that ended with a jump to the
next. Whether one is new there, or such a jump led to it, the call before the place says, whose
executions are counted natively: what is left there when it was executed again never returned.

A user's code is that of its address space: the same places and stacks in another are others. The
code of supervisors is one, as a kernel goes on in another space than it was called in.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.cpu import Cpu
from mttcg.instrument.errors import NotRamError, TargetError
from mttcg.instrument.plan.registry import Callback, Registry
from mttcg.instrument.program.guest_isa import guest_isa
from mttcg.isa.base import Isa
from mttcg.isa.context import EVERYWHERE, Scope, level_of, scope_of, space_of
from mttcg.memory.address import Virtual
from mttcg.vcpu.instrumentation.exchange import ChangeExchange
from mttcg.vcpu.protocol.vcpu_messages import VcpuWarning

MOST_PLACES = 1 << 16
"""Pairs that calls which may never return are kept for; the oldest are given up first."""


def check_returns(attachment: Attachment) -> None:
    """Raise TargetError for a function whose returns nobody can see, as the ISA has no calls."""
    if attachment.where is Where.RETURN and guest_isa().registers.calls is None:
        raise TargetError(attachment.target, "at return", "the ISA has no calling convention")


class CallingGuest(Protocol):
    """What is needed of the guest, see `GuestOfVcpu`."""

    index: int
    isa: Isa
    cpu: Cpu
    registry: Registry
    exchange: ChangeExchange

    @property
    def context(self) -> int:
        """The hart's, see `mttcg.isa.context`."""

    def read_x(self, register: int) -> int:
        """An integer register."""

    def read_memory(self, address: Virtual, size: int) -> bytes:
        """Bytes of RAM; raises NotRamError."""

    def apply(self, change: Change) -> None:
        """Make a change here."""

    def call_attached(
        self, callback: Callback, function: Any, given: tuple[Any, ...], pc: Virtual
    ) -> tuple[Any] | None:
        """Call a function of an attachment; its answer, None if it failed or moved pc."""


class PendingCall(NamedTuple):
    """A call that has begun."""

    callback: Callback
    opaque: Any


@dataclass
class ReturnSite:
    """Where functions return to; seen: executions of the call before it that were accounted for."""

    executions: "np.ndarray[Any, np.dtype[np.uint64]]"
    is_counted: bool
    seen: int = 0

    def is_new_call(self) -> bool:
        """Whether the call before it was executed since this was asked last."""
        executions = int(self.executions[0])
        new, self.seen = executions != self.seen, executions
        return new


class Returns:
    """Keeps calls that have begun, and tells of their returns.

    Args:
        guest: of the vCPU.
    """

    def __init__(self, guest: CallingGuest) -> None:
        self.guest = guest
        self.sites: dict[tuple[Virtual, Scope], ReturnSite] = {}
        self.pending: dict[tuple[Virtual, int, Scope], list[PendingCall]] = {}
        self.given_up = False

    def enter(self, attachment: Attachment, callback: Callback) -> None:
        """Note that a function begins, which is the attachment's."""
        guest, pc = self.guest, attachment.pc
        registers = guest.isa.registers.calls
        assert registers is not None and pc is not None, "see check_target"
        behind = Virtual(guest.read_x(registers.link))
        scope = self._scope()
        key = behind, guest.read_x(registers.stack), scope
        opaque = attachment.opaque
        if attachment.entry is not None:
            answer = guest.call_attached(callback, attachment.entry, (guest.cpu, opaque), pc)
            if answer is None:
                return
            opaque = answer[0]
        new = self._site(attachment.plugin, behind, scope).is_new_call()
        before = self.pending.pop(key, [])
        again = any(call.callback is callback for call in before)
        kept = [] if new or (again and not self.sites[behind, scope].is_counted) else before
        # a function to which jumps led again returns once
        kept = [call for call in kept if call.callback is not callback]
        self.pending[key] = [*kept, PendingCall(callback, opaque)]
        if len(self.pending) > MOST_PLACES:
            self._give_up()

    def leave(self, plugin: str, pc: Virtual) -> None:
        """Tell of the calls of a plugin's that return to a pc, the innermost first."""
        guest = self.guest
        registers = guest.isa.registers.calls
        assert registers is not None
        key = pc, guest.read_x(registers.stack), self._scope()
        calls = self.pending.pop(key, [])
        others = [call for call in calls if call.callback.attachment.plugin != plugin]
        if others:
            self.pending[key] = others
        for call in reversed(calls):
            attachment = call.callback.attachment
            if attachment.plugin != plugin or attachment not in guest.registry.attachments:
                continue
            given = guest.cpu, guest.read_x(registers.value), call.opaque
            if guest.call_attached(call.callback, attachment.target, given, pc) is None:
                return

    def _scope(self) -> Scope:
        """Where the code that runs now is what it is."""
        context = self.guest.context
        level, space = level_of(context), space_of(context)
        return scope_of(level, space) if space and not level else EVERYWHERE

    def _site(self, plugin: str, behind: Virtual, scope: Scope) -> ReturnSite:
        """The place behind a call, at which a plugin's returns are met from now on."""
        guest = self.guest
        site = self.sites.get((behind, scope))
        if site is None:
            calls = self._calls_before(behind)
            site = ReturnSite(np.zeros(1, dtype=np.uint64), bool(calls))
            self.sites[behind, scope] = site
            for pc in calls:
                where = "", Where.CALL_SITE, guest.index, pc
                counted = Attachment(*where, site.executions, scope=scope)
                guest.apply(Change(True, counted))
        where = plugin, Where.RETURN_SITE, guest.index, behind
        met = Attachment(*where, self.leave, scope=scope)
        guest.apply(Change(True, met))  # which changes nothing if it is attached
        return site

    def _calls_before(self, behind: Virtual) -> list[Virtual]:
        """Where the call may begin that ends before a place."""
        code, registers = self.guest.isa.code, self.guest.isa.registers.calls
        assert registers is not None
        found = []
        for length in range(code.alignment, code.longest + 1, code.alignment):
            pc = Virtual(behind - length)
            try:
                word = int.from_bytes(self.guest.read_memory(pc, length), "little")
            except NotRamError:
                continue
            facts = code.facts(word)
            if facts.length == length and facts.jumps and facts.destination == registers.link:
                found.append(pc)
        return found

    def _give_up(self) -> None:
        """Forget the call that began first; it is told of once."""
        del self.pending[next(iter(self.pending))]
        if not self.given_up:
            self.given_up = True
            text = f"more than {MOST_PLACES:,} calls have not returned: the oldest are given up"
            self.guest.exchange.tell(VcpuWarning(f"vCPU {self.guest.index}: {text}"))
