"""Attachments for chosen processes of a Linux guest: the marks of a vCPU's context follow them.

Each choice that something is attached for has a mark, a bit above the context (`isa.context`),
which is set as long as the hart runs such a process. Marks change where the kernel switches, and
where a process becomes another program; native code compares them with the rest of a scope.
"""

import mmap
from dataclasses import replace
from typing import Any

import numpy as np

from mttcg.errors import MttcgError
from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.process import ChosenProcess
from mttcg.instrument.errors import (
    BadValueError,
    CallbackError,
    NoKernelError,
    TargetError,
)
from mttcg.isa.context import CONTEXT_BITS, MARKS, marked
from mttcg.linux.linux_guest import ProcessIdentity
from mttcg.memory.address import Virtual
from mttcg.vcpu.protocol.stop_point import OWNER

SWITCH, NEW_PROGRAM, RENAMED = "__switch_to", "finalize_exec", "perf_event_comm"
"""Functions of the kernel at which the process that runs may be another, or have another name."""
MOST_BY_NUMBER = 1024
"""Processes that a vCPU knows by number, each with the time at which it was made."""
ROW_BYTES = 16


class FoundProcesses:
    """Of each number that was chosen, when the first process that had it was made.

    It is made before the vCPUs are forked, and has rows for each, which the others read. A process
    runs before it ends, so the vCPU on which it does so first has written its row before there can
    be another with its number.

    Args:
        count: of vCPUs.
    """

    def __init__(self, count: int) -> None:
        self.memory = mmap.mmap(-1, count * MOST_BY_NUMBER * ROW_BYTES)
        shape = count, MOST_BY_NUMBER, ROW_BYTES // 8
        self.rows = np.frombuffer(self.memory, dtype=np.uint64).reshape(shape)

    def is_it(self, index: int, process: ProcessIdentity) -> bool:
        """Whether a process, which a vCPU is about to run, is the first with its number."""
        rows = self.rows.reshape(-1, ROW_BYTES // 8)
        known = rows[rows[:, 0] == process.pid]
        if len(known):
            return int(known[0, 1]) == process.began
        free = np.flatnonzero(self.rows[index, :, 0] == 0)
        if not len(free):
            raise BadValueError("space", process.pid, f"at most {MOST_BY_NUMBER:,} by number")
        row = self.rows[index, free[0]]
        row[1] = process.began
        row[0] = process.pid  # which says that it is there
        return True

    def forget(self, index: int, pid: int) -> None:
        """Nothing is attached for a number any more."""
        own = self.rows[index]
        own[own[:, 0] == pid, 0] = 0


class ChosenProcesses:
    """Those of one vCPU.

    Args:
        guest: the vCPU's, of which this is a part.
        found: what is known of those chosen by number.

    Attributes:
        marks: the number of each choice's mark.
        used: how much is attached for it.
        unseen: choices that are new, of which it is not known whether they run.
    """

    def __init__(self, guest: Any, found: FoundProcesses) -> None:
        self.guest, self.found = guest, found
        self.marks: dict[ChosenProcess, int] = {}
        self.used: dict[ChosenProcess, int] = {}
        self.unseen: set[ChosenProcess] = set()

    def begin(self) -> None:
        """Give what was attached before the fork its marks, where it is in the order."""
        registry = self.guest.registry
        before = list(registry.attachments)
        if not any(each.process for each in before):
            return
        for attachment in before:
            registry.apply(Change(False, attachment))
        for attachment in before:
            if self.apply(Change(True, attachment)):
                self.guest.applied += 1

    def apply(self, change: Change) -> bool:
        """Make a change in the registry, with its mark; whether it changed anything."""
        process, registry = change.attachment.process, self.guest.registry
        if process is None:
            return bool(registry.apply(change))
        new = process not in self.marks
        if new and not change.add:
            return False
        if new:
            self._take_mark(process)
        attachment = change.attachment
        scope = marked(attachment.scope, self.marks[process])
        changed = bool(registry.apply(Change(change.add, replace(attachment, scope=scope))))
        self.used[process] += (1 if change.add else -1) * changed
        if not self.used[process]:
            self._give_back(process)
        elif new:
            self.unseen.add(process)
        return changed

    def _take_mark(self, process: ChosenProcess) -> None:
        free = sorted({*range(MARKS)} - {*self.marks.values()})
        if not free:
            wrong = f"it is attached for more than {MARKS} processes and names at a time"
            raise TargetError(process, "in a process", wrong)
        if not self.marks:
            self._follow(add=True)
        self.marks[process], self.used[process] = free[0], 0

    def _give_back(self, process: ChosenProcess) -> None:
        followed = self.guest.followed
        followed.marks &= ~(1 << CONTEXT_BITS + self.marks.pop(process))
        del self.used[process]
        self.unseen.discard(process)
        if process.pid:
            self.found.forget(self.guest.index, process.pid)
        if not self.marks:
            self._follow(add=False)

    def _follow(self, add: bool) -> None:
        """Meet the kernel's functions, or no longer."""
        for name in (SWITCH, NEW_PROGRAM, RENAMED):
            pc = self.guest.symbols.get(name)
            if pc is None:  # a kernel without perf events: a new name is seen at the next switch
                continue
            site = Attachment(OWNER, Where.SWITCH, self.guest.index, pc, name)
            self.guest.registry.apply(Change(add, site))

    def look(self) -> None:
        """Set the marks of choices that are new, if such processes run now."""
        if not self.unseen:
            return
        new, seen = self.unseen, self.guest.processes_seen
        self.unseen = set()
        try:
            current = seen.current()
            running = seen.identity(current.task) if current is not None else None
        except NoKernelError:
            return  # there is no kernel yet; if there is none at all, that is told at a switch
        for process in new:
            if running is not None and self._is(process, running):
                self.guest.followed.marks |= 1 << CONTEXT_BITS + self.marks[process]

    def _is(self, process: ChosenProcess, running: ProcessIdentity) -> bool:
        if process.pid:
            return process.pid == running.pid and self.found.is_it(self.guest.index, running)
        return process.comm == running.comm

    def meet(self, attachment: Attachment, pc: Virtual) -> None:
        """The kernel is at one of its functions: the marks are in force before it goes on."""
        guest = self.guest
        try:
            marks = self._marks_at(attachment.target)
        except MttcgError as error:
            guest.failed(CallbackError("space=", guest.index, pc, str(error)))
            marks = 0
        if marks != guest.followed.marks:
            guest.followed.marks = marks
            guest.engine.stop_for_callback(pc, half_done=False)

    def _marks_at(self, function: str) -> int:
        """The marks of the process that the kernel goes on with there."""
        guest, seen = self.guest, self.guest.processes_seen
        second = guest.read_x(seen.linux.isa.arguments[1])
        if function == RENAMED and second:  # by exec, of which there is more to come
            return int(guest.followed.marks)
        if function == SWITCH:
            task = second
        else:
            current = seen.current()
            assert current is not None, "it is about to be another program"
            task = current.task
        running = seen.identity(task)
        return sum(
            1 << CONTEXT_BITS + mark
            for process, mark in self.marks.items()
            if self._is(process, running)
        )
