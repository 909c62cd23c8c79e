"""What is attached, and the plan that follows from it for one vCPU."""

import ctypes
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mttcg.instrument import native
from mttcg.instrument.changes import Attachment, Change, Where
from mttcg.instrument.plan import Operation, Plan
from mttcg.instrument.targets import BlockTable, Board, Counter, Probe, Stream

CALLBACK = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)


class Machinery(Protocol):
    """What the vCPU process lends the registry."""

    def board_words(self, board: Board, cpu: int) -> Any:
        """A board's words of one vCPU."""

    def emitter(self, stream: Stream, cpu: int) -> int:
        """Address of the emitter of a stream, see `native`."""

    def call_python(self, attachment: Attachment, arguments: tuple[int, ...]) -> None:
        """Call a Python function that is attached, with what the operation was given."""

    def start_counting(self, attachment: Attachment) -> None:
        """A Counter of all instructions or blocks comes into force."""

    def stop_counting(self, attachment: Attachment) -> None:
        """Such a Counter is taken away."""


def counts_all(attachment: Attachment) -> bool:
    """Whether a Counter can follow the counts that the vCPU keeps anyhow."""
    return (
        isinstance(attachment.target, Counter)
        and attachment.pc is None
        and attachment.where is not Where.ACCESS
    )


@dataclass
class Registry:
    """The attachments of one vCPU, in the order in which they were made.

    Before the vCPU processes are forked there is one registry, with `cpu` None, for all.
    """

    machinery: Machinery
    cpu: int | None = None
    attachments: dict[Attachment, None] = field(default_factory=dict)
    probes: dict[tuple[Probe, Where], Any] = field(default_factory=dict)
    operations: dict[Attachment, tuple[Operation, Any]] = field(default_factory=dict)
    callbacks: dict[int, Attachment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the one native entry into Python functions."""
        self.trampoline = CALLBACK(self._call)
        self.trampoline_address = ctypes.cast(self.trampoline, ctypes.c_void_p).value or 0

    def _call(self, data: int, *arguments: int) -> None:
        attachment = self.callbacks.get(data)
        if attachment is not None and attachment in self.attachments:
            self.machinery.call_python(attachment, arguments)

    def apply(self, change: Change) -> bool:
        """Make a change; whether it changed anything."""
        attachment = change.attachment
        if change.add == (attachment in self.attachments):
            return False
        if change.add:
            self.attachments[attachment] = None
            self._prepare(attachment)
        else:
            del self.attachments[attachment]
            self.operations.pop(attachment, None)
        if counts_all(attachment) and self.cpu is not None:
            count = self.machinery.start_counting if change.add else self.machinery.stop_counting
            count(attachment)
        return True

    def _prepare(self, attachment: Attachment) -> None:
        """Compile a probe as soon as it is attached: before the fork, once for all vCPUs."""
        target = attachment.target
        if isinstance(target, Probe) and (target, attachment.where) not in self.probes:
            compiled = native.compile_probe(target.function, attachment.where)
            self.probes[target, attachment.where] = compiled

    def become(self, cpu: int, machinery: Machinery) -> None:
        """Serve one vCPU from now on, after the fork."""
        self.cpu, self.machinery = cpu, machinery
        for attachment in [a for a in self.attachments if not a.concerns(cpu)]:
            del self.attachments[attachment]
        for attachment in self.attachments:
            if counts_all(attachment):
                machinery.start_counting(attachment)

    def plan(self) -> Plan:
        """The plan of this vCPU."""
        every: dict[Where, list[Operation]] = {where: [] for where in Where}
        sites: dict[Where, dict[int, tuple[Operation, ...]]] = {where: {} for where in Where}
        for attachment in self.attachments:
            if counts_all(attachment):
                continue
            operation = self._operation(attachment)
            if attachment.pc is None:
                every[attachment.where].append(operation)
            else:
                known = sites[attachment.where]
                known[attachment.pc] = (*known.get(attachment.pc, ()), operation)
        return Plan(
            every_block=tuple(every[Where.BLOCK]),
            every_instruction=tuple(every[Where.INSTRUCTION]),
            every_access=tuple(every[Where.ACCESS]),
            blocks=sites[Where.BLOCK],
            instructions=sites[Where.INSTRUCTION],
        )

    def _operation(self, attachment: Attachment) -> Operation:
        known = self.operations.get(attachment)
        if known is None:
            known = self.operations[attachment] = self._make_operation(attachment)
        return known[0]

    def _make_operation(self, attachment: Attachment) -> tuple[Operation, Any]:
        """An operation, and what has to stay alive with it."""
        target, cpu = attachment.target, self.cpu or 0
        if isinstance(target, Stream):
            function = native.EMITTERS[attachment.where].address
            return Operation(function, self.machinery.emitter(target, cpu)), None
        if isinstance(target, Board):
            table = isinstance(target, BlockTable)
            function = (native.count_in_table if table else native.count_one).address
            return Operation(function, int(self._words(target).ctypes.data)), None
        if isinstance(target, Probe):
            words = self._words(attachment.opaque) if attachment.opaque is not None else None
            place = (int(words.ctypes.data), len(words)) if words is not None else (0, 0)
            data = np.array([cpu, *place], dtype=np.uint64)
            function = self.probes[target, attachment.where].address
            return Operation(function, int(data.ctypes.data)), data
        number = len(self.callbacks) + 1
        self.callbacks[number] = attachment
        return Operation(self.trampoline_address, number), None

    def _words(self, board: Board) -> Any:
        return self.machinery.board_words(board, self.cpu or 0)
