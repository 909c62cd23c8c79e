"""What is attached, and the plan that follows from it for one vCPU."""

import ctypes
import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from mttcg.instrument import events
from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.targets import (
    BLOCK_TABLE_WORDS,
    CodeTable,
    Counter,
    Probe,
    Stream,
    VcpuWords,
    When,
)
from mttcg.instrument.errors import TargetError
from mttcg.instrument.loading.plugin_modules import is_within
from mttcg.instrument.native import frames, operations
from mttcg.instrument.native.probe_text import inline_text
from mttcg.instrument.plan.plan import (
    ChangedSites,
    FollowedCounter,
    Operation,
    OperationKind,
    Plan,
)
from mttcg.isa.context import EVERYWHERE, Scope
from mttcg.memory.address import HostAddress, Physical, Virtual
from mttcg.memory.host import address_of_array, address_of_function

AFTER: dict[Any, OperationKind] = {
    events.RETIRED: "retired",
    events.TRANSFER: "transfer",
    events.BRANCH: "branch",
}
"""Records that are written after an instruction."""
AFTER_KINDS: dict[Where, tuple[OperationKind, int]] = {
    Where.BRANCH: ("after_branch", frames.BRANCHES),
    Where.JUMP: ("after_jump", frames.JUMPS),
}
"""Kinds of operations behind some instructions alone, and the bit that says of one that it is."""
AFTER_INSTRUCTION = (*AFTER.values(), "table")
"""Kinds of operations that run after each instruction, where they are attached to every one."""
CALLBACK = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)


class Machinery(Protocol):
    """What the vCPU process lends the registry."""

    def vcpu_words(self, declared: VcpuWords, cpu: int) -> Any:
        """What one vCPU has of declared words."""

    def emitter(self, stream: Stream, cpu: int) -> HostAddress:
        """Address of the emitter of a stream, see `native`."""

    def call_python(self, callback: "Callback", arguments: tuple[int, ...]) -> None:
        """Call a Python function that is attached, with what the operation was given."""

    def start_counting(self, counter: Counter, where: Where, scope: Scope) -> FollowedCounter:
        """A Counter of all instructions or blocks comes into force."""

    def stop_counting(self, counter: Counter, where: Where) -> None:
        """A Counter of all instructions or blocks is taken away."""

    @property
    def context_address(self) -> HostAddress:
        """Where the hart's state has its context."""


def counts_all(attachment: Attachment) -> bool:
    """Whether a Counter can follow the counts that the vCPU keeps anyhow."""
    return (
        isinstance(attachment.target, Counter)
        and not attachment.once
        and attachment.when is None
        and attachment.pc is None
        and attachment.where is not Where.ACCESS
    )


@dataclass(slots=True)
class Callback:
    """A Python function that is attached: its calls, and the nanoseconds in them if measured."""

    attachment: Attachment
    calls: int = 0
    nanoseconds: int = 0


@dataclass(frozen=True)
class Held:
    """An operation, what has to live as long as it, and its number if it is a Python function."""

    operation: Operation
    data: Any = None
    number: int = 0


Site = tuple[Where, Virtual | None, bool]
"""What something is attached to: the event, its pc, or None for every pc, and whether that is the
physical address."""


def place_of(attachment: Attachment) -> Site:
    """What it is attached to."""
    return attachment.where.at, attachment.pc, attachment.physical


ByAddress = dict[Virtual, tuple[Operation, ...]]
ByPhysical = dict[Physical, tuple[Operation, ...]]


@dataclass
class Registry:
    """The attachments of one vCPU, in the order in which they were made.

    `armed`: of those that run once at one place, the flag that is set when one has run.
    `attached`: the plugins that have ever attached something. `tables`: attachments of tables;
    `counted_in`: the same by table, as of the last plan.
    Before the vCPU processes are forked there is one registry, with `cpu` None, for all.
    """

    machinery: Machinery
    cpu: int | None = None
    attachments: dict[Attachment, None] = field(default_factory=dict)
    places: dict[Site, dict[Attachment, None]] = field(default_factory=dict)
    changed: set[Site] = field(default_factory=set)
    everywhere: dict[Where, tuple[Operation, ...]] = field(default_factory=dict)
    rows: dict[Where, ByAddress] = field(default_factory=lambda: {where: {} for where in Where})
    physical_rows: dict[Where, ByPhysical] = field(
        default_factory=lambda: {where: {} for where in Where}
    )
    probes: dict[tuple[Probe, Where], Any] = field(default_factory=dict)
    conditions: dict[tuple[Probe, Where], Any] = field(default_factory=dict)
    held: dict[Attachment, Held] = field(default_factory=dict)
    armed: dict[Attachment, Any] = field(default_factory=dict)
    released: list[Held] = field(default_factory=list)
    callbacks: dict[int, Callback] = field(default_factory=dict)
    totals: dict[Attachment, None] = field(default_factory=dict)
    followed: dict[tuple[Counter, Where], FollowedCounter] = field(default_factory=dict)
    load_order: dict[str, int] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    tables: dict[Attachment, None] = field(default_factory=dict)
    counted_in: dict[CodeTable, list[Attachment]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the one native entry into Python functions."""
        self.numbers = itertools.count(1)
        self.trampoline = CALLBACK(self._call)
        self.trampoline_address = address_of_function(self.trampoline)

    def _call(self, data: int, *arguments: int) -> None:
        callback = self.callbacks.get(data)
        if callback is not None:
            self.machinery.call_python(callback, arguments)

    def apply(self, change: Change) -> bool:
        """Make a change; whether it changed anything. It is in force with the next plan.

        Raises ProbeError for a probe that numba can't compile.
        """
        attachment = change.attachment
        if change.add and attachment in self.armed:
            self.armed[attachment][:] = 0  # it may run once more
        if change.add == (attachment in self.attachments):
            return False
        if change.add:
            self._prepare(attachment)
            self._enter(attachment)
        else:
            self._remove(attachment)
        return True

    def _prepare(self, attachment: Attachment) -> None:
        """Load or compile what is native when it is attached: before the fork, once for all."""
        target, when = attachment.target, attachment.when
        if isinstance(target, Stream):
            operations.record(attachment.where, target.dtype)
        if isinstance(target, VcpuWords) and not counts_all(attachment):
            operations.count(isinstance(target, CodeTable))
        if attachment.once:
            operations.once(attachment.where is Where.BLOCK)
        if attachment.scope != EVERYWHERE:
            operations.within()
        if attachment.where is Where.RETURN:
            operations.count(in_table=False)
        if attachment.where in AFTER_KINDS:
            operations.after_its_kind()
        if when is not None and (when.probe, attachment.where.at) not in self.conditions:
            operations.sometimes()
            compiled = operations.probe(when.probe.function, attachment.where.at, answers=True)
            self.conditions[when.probe, attachment.where.at] = compiled, inline_text(compiled)
        if isinstance(target, Probe) and (target, attachment.where) not in self.probes:
            compiled = operations.probe(target.function, attachment.where)
            self.probes[target, attachment.where] = compiled, inline_text(compiled)

    def _enter(self, attachment: Attachment) -> None:
        if counts_all(attachment):
            self._check_scope(attachment)
        self.attachments[attachment] = None
        if isinstance(attachment.target, CodeTable):
            self.tables[attachment] = None
        self.attached.add(attachment.plugin)
        if counts_all(attachment):
            self.totals[attachment] = None
        else:
            place = place_of(attachment)
            self.places.setdefault(place, {})[attachment] = None
            self.changed.add(place)

    def _check_scope(self, attachment: Attachment) -> None:
        """Raise TargetError if a Counter would have to follow the hart's counts in two scopes."""
        for other in self.totals:
            same = (other.target, other.where) == (attachment.target, attachment.where)
            if same and other.scope != attachment.scope:
                wrong = "it counts all of them in another scope by now; attach another Counter"
                raise TargetError(attachment.target, f"at {attachment.where}", wrong)

    def _remove(self, attachment: Attachment) -> None:
        """Take away; a Python function is not called again, native ones go with the next plan."""
        del self.attachments[attachment]
        self.tables.pop(attachment, None)
        if counts_all(attachment):
            del self.totals[attachment]
            return
        place = place_of(attachment)
        del self.places[place][attachment]
        self.changed.add(place)
        self.armed.pop(attachment, None)
        held = self.held.pop(attachment, None)
        if held is not None:
            self.callbacks.pop(held.number, None)
            self.released.append(held)  # translated code may use its data until the next plan

    def cost_of(self, attachment: Attachment) -> dict[str, int]:
        """Calls of an attached Python function, and nanoseconds in them, since it was attached."""
        held = self.held.get(attachment)
        callback = self.callbacks.get(held.number) if held is not None else None
        callback = callback or Callback(attachment)
        return {"calls": callback.calls, "nanoseconds": callback.nanoseconds}

    def take_compiled(self, other: "Registry") -> None:
        """Take over what another registry has compiled."""
        self.probes |= other.probes
        self.conditions |= other.conditions

    def forget(self, plugin: str, module: str) -> None:
        """Let go of what was made for a plugin, whose attachments are all taken away already.

        The plan that follows from that is in force: nothing native has an address of it.
        """
        self.load_order.pop(plugin, None)
        self.released.clear()
        for compiled in (self.probes, self.conditions):
            for key in [k for k in compiled if is_within(k[0].function.__module__, module)]:
                del compiled[key]

    def become(self, cpu: int, machinery: Machinery, load_order: list[str]) -> None:
        """Serve one vCPU from now on, after the fork."""
        self.cpu, self.machinery = cpu, machinery
        self.load_order = {plugin: number for number, plugin in enumerate(load_order)}
        for attachment in [a for a in self.attachments if not a.concerns(cpu)]:
            self._remove(attachment)

    def plan(self) -> Plan:
        """The plan of this vCPU, to be put in force before guest code runs again.

        At one place things run in the order in which their plugins were loaded, those of one
        plugin in the order in which they were attached.
        """
        self._follow_totals()
        changed = self._changed_sites()
        for place in self.changed:
            self._fill(place)
        self.changed.clear()
        self.released.clear()
        self.counted_in = defaultdict(list)
        for attachment in self.tables:
            self.counted_in[attachment.target].append(attachment)
        every, sites = self.everywhere, self.rows
        instructions = every.get(Where.INSTRUCTION, ())
        after = *every.get(Where.BRANCH, ()), *every.get(Where.JUMP, ())
        return Plan(
            every_block=every.get(Where.BLOCK, ()),
            every_instruction=tuple(o for o in instructions if o.kind not in AFTER_INSTRUCTION),
            every_retired=(*(o for o in instructions if o.kind in AFTER_INSTRUCTION), *after),
            every_access=every.get(Where.ACCESS, ()),
            blocks=sites[Where.BLOCK],
            instructions=sites[Where.INSTRUCTION],
            physical_blocks=self.physical_rows[Where.BLOCK].copy(),
            physical_instructions=self.physical_rows[Where.INSTRUCTION].copy(),
            counters=tuple(self.followed.values()),
            changed=changed,
        )

    def _changed_sites(self) -> ChangedSites | None:
        """Where the next plan differs from the last one; None if that is everywhere."""
        found: dict[Where, set[Virtual]] = {where: set() for where in Where}
        for where, pc, physical in self.changed:
            if pc is None or physical:
                return None
            found[where].add(pc)
        return ChangedSites(frozenset(found[Where.BLOCK]), frozenset(found[Where.INSTRUCTION]))

    def _fill(self, place: Site) -> None:
        """Write the row of one place anew."""
        where, pc, physical = place
        attached = self.places[place]
        ordered = sorted(attached, key=lambda a: self.load_order.get(a.plugin, -1))
        operations = tuple(self._operation(attachment) for attachment in ordered)
        if not attached:
            del self.places[place]
        if pc is None:
            self.everywhere[where] = operations
            return
        if physical:
            there: dict[Any, tuple[Operation, ...]] = self.physical_rows[where]
        else:
            there = self.rows[where]
        if attached:
            there[pc] = operations
        else:
            there.pop(pc, None)

    def _follow_totals(self) -> None:
        """Begin and end counting between two blocks, where the vCPU's own counts are exact."""
        wanted = {(a.target, a.where): a.scope for a in self.totals}
        for counter, where in [
            key for key, old in self.followed.items() if wanted.get(key) != old.scope
        ]:
            self.machinery.stop_counting(counter, where)
            del self.followed[counter, where]
        for (counter, where), scope in wanted.items():
            if (counter, where) not in self.followed:
                started = self.machinery.start_counting(counter, where, scope)
                self.followed[counter, where] = started

    def _operation(self, attachment: Attachment) -> Operation:
        held = self.held.get(attachment)
        if held is None:
            held = self.held[attachment] = self._hold(attachment)
        return held.operation

    def _hold(self, attachment: Attachment) -> Held:
        """The operation of an attachment, within those that say whether it is to run."""
        inner = self._hold_target(attachment)
        if attachment.once:
            inner = self._hold_once(attachment, inner)
        if attachment.when is not None:
            inner = self._hold_if(attachment, attachment.when, inner)
        if attachment.scope != EVERYWHERE:
            inner = self._hold_within(attachment.scope, inner)
        return inner

    def _hold_within(self, scope: Scope, inner: Held) -> Held:
        """The operation with its scope, and what an engine calls that does not look at that."""
        words = np.zeros(frames.SCOPED_WORDS, dtype=np.uint64)
        words[frames.FUNCTION] = inner.operation.function
        words[frames.DATA] = inner.operation.data
        words[frames.SCOPE_MASK], words[frames.SCOPE_WANTED] = scope
        words[frames.CONTEXT_AT] = self.machinery.context_address
        guarded = operations.within(), address_of_array(words)
        return Held(
            replace(inner.operation, scope=scope, guarded=guarded),
            (words, inner.data),
            inner.number,
        )

    def _hold_once(self, attachment: Attachment, inner: Held) -> Held:
        each_block = attachment.where is Where.BLOCK and attachment.pc is None
        # a flag for each block that there can be; the kernel gives memory for those that are set
        flags = np.zeros(BLOCK_TABLE_WORDS if each_block else 1, dtype=np.uint64)
        if not each_block:
            self.armed[attachment] = flags
        words = np.zeros(frames.CONDITION_WORDS, dtype=np.uint64)
        words[frames.FLAGS] = address_of_array(flags)
        kind: OperationKind = "once_table" if each_block else "once"
        return self._within(inner, operations.once(each_block), words, flags, kind, "")

    def _hold_if(self, attachment: Attachment, when: When, inner: Held) -> Held:
        compiled, text = self.conditions[when.probe, attachment.where.at]
        given = self._given(when.words)
        words = np.zeros(frames.CONDITION_WORDS, dtype=np.uint64)
        words[frames.CONDITION] = compiled.address
        words[frames.CONDITION_DATA] = address_of_array(given)
        return self._within(inner, operations.sometimes(), words, given, "if", text)

    @staticmethod
    def _within(
        inner: Held, function: HostAddress, words: Any, data: Any, kind: OperationKind, text: str
    ) -> Held:
        words[frames.FUNCTION] = inner.operation.function
        words[frames.DATA] = inner.operation.data
        python = inner.operation.python
        order = inner.operation.order
        outer = Operation(function, address_of_array(words), kind, text, python, order)
        return Held(outer, (words, data, inner.data), inner.number)

    def _given(self, declared: VcpuWords | None) -> Any:
        """The data of a probe or condition: its vCPU, and the place and number of its words."""
        words = self._words(declared) if declared is not None else None
        place = (address_of_array(words), len(words)) if words is not None else (0, 0)
        return np.array([self.cpu or 0, *place], dtype=np.uint64)

    def _hold_target(self, attachment: Attachment) -> Held:
        target, cpu = attachment.target, self.cpu or 0
        if attachment.where is Where.CALL_SITE:
            return Held(
                Operation(operations.count(False), address_of_array(attachment.target), "count")
            )
        if isinstance(target, Stream):
            layout = events.without_context(target.dtype)
            function = operations.record(attachment.where, layout)
            data, order = self.machinery.emitter(target, cpu), layout == events.TIMED_ACCESS
            kind: OperationKind = "timed" if "time" in (layout.names or ()) else "record"
            kind, longer = AFTER.get(layout, kind), layout != target.dtype
            return Held(Operation(function, data, kind, order=order, longer=longer))
        if isinstance(target, VcpuWords):
            table = isinstance(target, CodeTable)
            function = operations.count(table)
            data = address_of_array(self._words(target))
            return Held(Operation(function, data, "table" if table else "count"))
        if isinstance(target, Probe):
            given = self._given(attachment.opaque)
            compiled, text = self.probes[target, attachment.where]
            return Held(
                Operation(HostAddress(compiled.address), address_of_array(given), text=text), given
            )
        number = next(self.numbers)
        self.callbacks[number] = Callback(attachment)
        operation = Operation(self.trampoline_address, number, "python", python=True)
        held = Held(operation, number=number)
        return self._hold_after(attachment, held) if attachment.where in AFTER_KINDS else held

    def _hold_after(self, attachment: Attachment, inner: Held) -> Held:
        kind, ways = AFTER_KINDS[attachment.where]
        words = np.zeros(frames.CONDITION_WORDS, dtype=np.uint64)
        words[frames.WAYS] = ways
        return self._within(inner, operations.after_its_kind(), words, None, kind, "")

    def _words(self, declared: VcpuWords) -> Any:
        return self.machinery.vcpu_words(declared, self.cpu or 0)
