"""Whose turn it is, and the clock of a machine whose harts take turns, in its shared memory."""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from mttcg.memory.address import HostAddress, Virtual
from mttcg.memory.host import address_of_buffer
from mttcg.state.words import MASK, WORD_BYTES

_ARE_TAKEN, _HART, _ENDED, _NOW, _ORIGIN, _PHASE, _ENDS, _STANDS_AT, _WHOSE = range(9)
_INPUTS_OPEN, _INPUTS, _WAITING, _NOT_BEFORE, _WENT_BACK, _HIT = range(9, 15)
_HIT_WORDS = 7
TURN_WORDS = _HIT + _HIT_WORDS
_PLACE, _ACCESS = 1, 2
ALL = MASK
"""In the place of a hart: all of them, together."""


class TurnPhase(IntEnum):
    """What there is of a turn."""

    CHOSEN = 0  # whose it is
    ON = 1
    ENDED = 2  # and nobody has the next one yet


class Count(NamedTuple):
    """A number of instructions that a hart has retired, or all together have.

    turn: the first turn in which that counts.
    """

    hart: int
    instructions: int
    turn: int = 0


class Hit(NamedTuple):
    """Where a hart was that a debugger wants to stop: before an instruction.

    Attributes:
        turn: how many turns had ended.
        instructions: that the hart had retired.
        taken: traps and interrupts that it had taken.
        hart: which.
        accesses: whether it is for what the instruction does to memory; else for the instruction.
        address: of that memory.
        pc: where it stood when that was noted.
    """

    turn: int
    instructions: int
    taken: int
    hart: int
    accesses: bool
    address: Virtual
    pc: Virtual


class TurnWords:
    """The turns of a machine's harts; only the vCPU whose turn it is writes them.

    The supervisor does, too, before anything runs and while all stand still.

    Args:
        words: TURN_WORDS words of shared memory.
    """

    def __init__(self, words: memoryview) -> None:
        self.words = words
        self.retired: Callable[[], int] | None = None

    @property
    def are_taken(self) -> bool:
        """Whether harts take turns."""
        return bool(self.words[_ARE_TAKEN])

    def take(self) -> None:
        """Have them do so; the supervisor does, before anything runs."""
        self.words[_ARE_TAKEN] = 1

    @property
    def hart(self) -> int:
        """Whose turn it is."""
        return int(self.words[_HART])

    def choose(self, hart: int) -> None:
        """Let the next turn be a hart's, which sees that as soon as it is so."""
        self.words[_PHASE] = TurnPhase.CHOSEN
        self.words[_HART] = hart

    @property
    def ended(self) -> int:
        """How many turns have ended."""
        return int(self.words[_ENDED])

    @property
    def stands_at(self) -> Count | None:
        """When a hart is to stand still in its turn; None if at no number of instructions."""
        instructions = int(self.words[_STANDS_AT])
        if not instructions:
            return None
        return Count(int(self.words[_WHOSE]), instructions, int(self.words[_NOT_BEFORE]))

    @stands_at.setter
    def stands_at(self, count: Count | None) -> None:
        """Set it; the supervisor does, and the vCPU takes it away when it is so."""
        hart, instructions, turn = count or (0, 0, 0)
        self.words[_WHOSE], self.words[_NOT_BEFORE] = hart, turn
        self.words[_STANDS_AT] = instructions

    @property
    def went_back(self) -> int:
        """How often the machine was made what it had been before."""
        return int(self.words[_WENT_BACK])

    @went_back.setter
    def went_back(self, times: int) -> None:
        """Set it; the supervisor does, while all stand still, and each vCPU begins anew then."""
        self.words[_WENT_BACK] = times

    @property
    def hit(self) -> Hit | None:
        """The last that was noted since it was forgotten."""
        number, turn, *words = map(int, self.words[_HIT : _HIT + _HIT_WORDS])
        instructions, taken, hart, address, pc = words
        if not number:
            return None
        places = Virtual(address), Virtual(pc)
        return Hit(turn, instructions, taken, hart, number == _ACCESS, *places)

    @hit.setter
    def hit(self, hit: Hit | None) -> None:
        """Note one; the vCPU whose turn it is does, and the supervisor while all stand still."""
        words = (0,) * _HIT_WORDS
        if hit is not None:
            words = (_ACCESS if hit.accesses else _PLACE, *hit[:4], hit.address, hit.pc)
        for at, word in enumerate(words):
            self.words[_HIT + at] = word

    @property
    def origin(self) -> HostAddress:
        """Where the clock is, less what the hart has retired whose turn it is, in nanoseconds."""
        return HostAddress(address_of_buffer(self.words) + WORD_BYTES * _ORIGIN)

    @property
    def now(self) -> int:
        """How long the clock had run when the last turn ended, in nanoseconds."""
        return int(self.words[_NOW])

    @now.setter
    def now(self, nanoseconds: int) -> None:
        """Between two turns, let the clock have run for so long."""
        self.words[_NOW] = nanoseconds

    @property
    def phase(self) -> TurnPhase:
        """What there is of the turn."""
        return TurnPhase(self.words[_PHASE])

    @property
    def ends(self) -> int:
        """What the hart whose turn it is is to have retired when that ends."""
        return int(self.words[_ENDS])

    def stop_within(self, hart: int, phase: TurnPhase, ended: int, ends: int) -> None:
        """Let it be within a hart's turn; the supervisor does, while nobody has one.

        ended: turns that have. ends: what the hart is to have retired then.
        """
        self.words[_HART], self.words[_PHASE] = hart, phase
        self.words[_ENDED], self.words[_ENDS] = ended, ends

    def begin(self, retired: Callable[[], int], instructions: int) -> None:
        """Begin a turn of so many instructions of this process's hart."""
        self.words[_ENDS] = retired() + instructions
        self.go_on(retired)
        self.words[_PHASE] = TurnPhase.ON

    def go_on(self, retired: Callable[[], int]) -> None:
        """Let the clock go on with what the hart of this process retires, until the turn ends."""
        self.retired = retired
        self.words[_ORIGIN] = self.now - retired() & MASK

    def end(self) -> None:
        """Let the clock stand until the next turn."""
        self.now, self.retired = self.elapsed(), None
        self.words[_PHASE] = TurnPhase.ENDED
        self.words[_ENDED] += 1

    def elapsed_with(self, retired: int) -> int:
        """How long the clock has run, asked from outside while all stand still.

        retired: by the hart whose turn it is.
        """
        if self.phase is not TurnPhase.ON:
            return self.now
        return int(self.words[_ORIGIN]) + retired & MASK

    def elapsed(self) -> int:
        """How long the clock has run, in nanoseconds; outside of a turn, to the end of the last."""
        if self.retired is None:
            return self.now
        return int(self.words[_ORIGIN]) + self.retired() & MASK

    def set_elapsed(self, nanoseconds: int) -> None:
        """Set the clock."""
        if self.retired is None:
            self.now = nanoseconds
        else:
            self.words[_ORIGIN] = nanoseconds - self.retired() & MASK

    @property
    def inputs_open(self) -> bool:
        """Whether something may come to the guest from outside."""
        return self.words[_INPUTS_OPEN] != 0

    @inputs_open.setter
    def inputs_open(self, is_so: bool) -> None:
        """Set it; the supervisor does before anything runs."""
        self.words[_INPUTS_OPEN] = is_so

    @property
    def inputs(self) -> int:
        """How often something has come."""
        return int(self.words[_INPUTS])

    @inputs.setter
    def inputs(self, count: int) -> None:
        """Set it, between two turns."""
        self.words[_INPUTS] = count

    def waits(self, hart: int) -> bool:
        """Whether a hart waits, within an instruction, for input."""
        return bool(self.words[_WAITING] >> hart & 1)

    def set_waits(self, hart: int, is_so: bool) -> None:
        """Set it, in the hart's turn."""
        others = self.words[_WAITING] & ~(1 << hart)
        self.words[_WAITING] = others | is_so << hart
