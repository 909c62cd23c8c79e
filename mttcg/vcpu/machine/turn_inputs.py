"""What comes from outside to harts that take turns: between two turns, and nowhere else.

A run that records takes what has come by then, and tells the supervisor when that was; one that
replays has the same come at the same moments, which the number of the turn and the clock say. What
all harts have retired by then has to be the same, too. Only the vCPU whose turn it is does this.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from mttcg.errors import UserError
from mttcg.input_log import STOPPED, Input, InputLog
from mttcg.vcpu.machine.descriptors import readable
from mttcg.vcpu.machine.shared import NANOSECONDS, Harts
from mttcg.vcpu.machine.turn_words import TurnWords

ARRIVALS, DELIVERED, LOG = "arrivals", "delivered", "inputs"
"""Names of descriptors: the pipe that what is typed comes by, the end of the console's own that it
is written to, and a file with the log that is replayed."""
MOST_BYTES = 4096
"""Of what is given to a guest at a time; it takes that before it gets more."""


class OtherRunError(UserError):
    """A run is not the one that its log is of."""

    def __init__(self, path: Path, wrong: str, expected: str) -> None:
        super().__init__(f"--replay-inputs {path}: {wrong}; expected {expected}, as it says")


class TurnInputs(Protocol):
    """What of this the turns know."""

    def take(self) -> None:
        """Between two turns: let the guest have what is there for it."""

    def pass_time(self, due: int | None) -> None:
        """All harts sleep: let the clock come to a time, or to the next input before it.

        due: in nanoseconds, None if no timer is set.
        """

    def are_there(self) -> bool:
        """Whether one who waits for the console's input need wait no more."""

    def last(self, hart: int) -> int | None:
        """What a hart is to have retired when the run is over in this turn; None: it is not."""

    def stop(self) -> None:
        """End the run there."""


class ConsolePipe:
    """The pipe that the guest's console takes its input from.

    Args:
        reading, writing: its ends.
        told: are told when there is something, or its end has come.
        begin: says before that there will be.
        end: says that there will be no more.
    """

    def __init__(
        self,
        reading: int,
        writing: int,
        told: Sequence[Callable[[], None]],
        begin: Callable[[], None] = lambda: None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self.reading, self.writing, self.told = reading, writing, told
        self.begin, self.end = begin, end

    def is_empty(self) -> bool:
        """Whether the guest has taken all."""
        return not readable(self.reading)

    def __call__(self, data: bytes | None) -> None:
        """Give what was typed, or say that there will be no more, if it is None.

        There is room, as no more is given before it is empty.
        """
        if data is None:
            self.end()
        else:
            self.begin()
            os.write(self.writing, data)
        for tell in self.told:
            tell()


class NoInputs:
    """Nothing comes from outside.

    Args:
        harts: of the run.
        wait: sleeps until something is asked of this vCPU, and does it.
    """

    def __init__(self, harts: Harts, wait: Callable[[], None]) -> None:
        self.machine, self.wait = harts.machine, wait

    def take(self) -> None:
        """See TurnInputs."""

    def pass_time(self, due: int | None) -> None:
        """See TurnInputs."""
        if due is None:
            self.wait()
        else:
            self.machine.turns.now = max(self.machine.turns.now, due)

    def are_there(self) -> bool:
        """See TurnInputs."""
        return True

    def last(self, hart: int) -> int | None:
        """See TurnInputs."""
        return None

    def stop(self) -> None:
        """See TurnInputs."""


class RecordedInputs(NoInputs):
    """What comes is taken, and told of.

    While all harts sleep, and something may come, time passes as it does for who types.

    Args:
        harts: of the run.
        wait: sleeps for so many seconds at most, until something is asked of this vCPU, which it
            does, or one of some descriptors may be read.
        arrivals: the pipe that what is typed comes by; its end is that of all input.
        pipe: to the guest.
        tell: is told of what was taken, and its number.
    """

    def __init__(
        self,
        harts: Harts,
        wait: Callable[..., None],
        arrivals: int,
        pipe: ConsolePipe,
        tell: Callable[[int, Input], None],
    ) -> None:
        super().__init__(harts, wait)
        self.harts, self.wait_for, self.arrivals = harts, wait, arrivals
        self.pipe, self.tell = pipe, tell

    def take(self) -> None:
        """See TurnInputs."""
        turns = self.machine.turns
        if not turns.inputs_open or not self.pipe.is_empty():
            return
        try:
            data = os.read(self.arrivals, MOST_BYTES)
        except BlockingIOError:
            return
        taken = Input(turns.ended, turns.now, retired(self.harts), data or None)
        self.tell(turns.inputs, taken)  # before: what nobody was told of has not come
        turns.inputs += 1
        give(taken, self.pipe, self.machine.turns)

    def pass_time(self, due: int | None) -> None:
        """See TurnInputs."""
        turns = self.machine.turns
        if not turns.inputs_open or not self.pipe.is_empty():
            super().pass_time(due)
            return
        now, began = turns.now, time.monotonic_ns()
        left = math.inf if due is None else max(0, due - now) / NANOSECONDS
        self.wait_for(left, self.arrivals)
        passed = now + time.monotonic_ns() - began
        turns.now = passed if due is None else max(now, min(passed, due))

    def are_there(self) -> bool:
        """See TurnInputs."""
        return not self.machine.turns.inputs_open or not self.pipe.is_empty()


class ReplayedInputs(NoInputs):
    """What came in another run comes again.

    Args:
        harts: of the run.
        wait: sleeps until something is asked of this vCPU, and does it.
        log: of the other run.
        path: of its file.
        pipe: to the guest.
        stop: ends the run.
    """

    def __init__(
        self,
        harts: Harts,
        wait: Callable[[], None],
        log: InputLog,
        path: Path,
        pipe: ConsolePipe,
        stop: Callable[[], None],
    ) -> None:
        super().__init__(harts, wait)
        self.harts, self.log, self.path, self.pipe = harts, log, path, pipe
        self.end_run = stop

    def _next(self) -> Input | None:
        number, inputs = self.machine.turns.inputs, self.log.inputs
        return inputs[number] if number < len(inputs) else None

    def take(self) -> None:
        """See TurnInputs."""
        turns = self.machine.turns
        while (found := self._next()) is not None and found.turn <= turns.ended:
            if found.turn == turns.ended and found.clock > turns.now:
                return
            here = (turns.ended, turns.now, retired(self.harts))
            if here != found[:3]:
                raise OtherRunError(self.path, _moment(*here), _moment(*found[:3]))
            turns.inputs += 1
            give(found, self.pipe, turns)

    def pass_time(self, due: int | None) -> None:
        """See TurnInputs."""
        turns, found, end = self.machine.turns, self._next(), self.log.end
        if found is not None and found.turn == turns.ended and found.clock > turns.now:
            turns.now = found.clock if due is None else min(found.clock, due)
        elif found is None and self._is_last() and (due is None or due > end.clock):
            self.stop()
        else:
            super().pass_time(due)

    def are_there(self) -> bool:
        """See TurnInputs."""
        return not self.machine.turns.inputs_open or not self.pipe.is_empty()

    def last(self, hart: int) -> int | None:
        """See TurnInputs."""
        return self.log.end.instructions[hart] if self._is_last() else None

    def stop(self) -> None:
        """See TurnInputs."""
        self.end_run()

    def _is_last(self) -> bool:
        """Whether the run was stopped in this turn."""
        end = self.log.end
        return end.how == STOPPED and self.machine.turns.ended >= end.turn


def give(taken: Input, pipe: ConsolePipe, turns: TurnWords) -> None:
    """Let the guest have what came."""
    if taken.console is None:
        turns.inputs_open = False  # before who waits for it is told
    pipe(taken.console)


def retired(harts: Harts) -> int:
    """What all harts have retired, between two turns."""
    return sum(hart.instructions for hart in harts.harts)


def _moment(turn: int, clock: int, instructions: int) -> str:
    return f"{instructions} instructions, {clock} ns and {turn} turns before an input"
