"""Having native code come back after so many instructions, where harts take turns.

See `interpreter/turns` for what native code does of that.
"""

import ctypes
from collections.abc import Callable
from typing import Any

from mttcg.engine.llvm.frame import INSTRUCTIONS_PER_LOOK, ONE_INSTRUCTION, Word
from mttcg.engine.llvm.interpreter.interpreter import PageInterpreter
from mttcg.memory.address import HostAddress
from mttcg.memory.page import PAGE

MOST_PAST_LOOK = 3 * PAGE // 2
"""Instructions that may be run from when it is time to look until that is done: translated code
looks where loops begin and where it is entered, so no instruction of its page runs twice, nor does
one of the page that an exit goes on in, or of the block that ends there."""
MASK = (1 << 64) - 1


class TurnLimit:
    """Where the hart's turn ends.

    Args:
        hart: the hart's state.
        frame: of its vCPU.
        interpreter: that its code is run by.
        clock: where what the hart's instructions are from the clock is.
        end: gives what the hart is to have retired when native code comes back.
    """

    def __init__(
        self,
        hart: Any,
        frame: Any,
        interpreter: PageInterpreter,
        clock: HostAddress,
        end: Callable[[], int],
    ) -> None:
        self.hart, self.frame, self.end = hart, frame, end
        self.reached = 0
        native = interpreter.native
        for word, value in {
            Word.TURNS: 1,
            Word.TURN_CLOCK: clock,
            Word.ATTEND: native.look_in_turn,
            Word.STOP: native.turn_over,
            Word.TRANSLATED: native.translated,
            Word.PREDECODE: native.predecode,
        }.items():
            frame[word] = value

    def left(self) -> bool:
        """Whether the hart may run any instruction; see to where."""
        self.reached = self.end()
        return bool(self.hart.instructions < self.reached)

    def begin(self) -> None:
        """Before native code runs, and some are left: have it come back in time."""
        left = self.reached - self.hart.instructions
        frame, early = self.frame, left - MOST_PAST_LOOK
        until_look = min(early, INSTRUCTIONS_PER_LOOK)
        frame[Word.TIMER_SET] = 0
        frame[Word.SINCE] = -until_look * ONE_INSTRUCTION & MASK if early > 0 else 0
        frame[Word.TURN_NEARS] = self.reached - MOST_PAST_LOOK if early > 0 else 0
        frame[Word.TURN_END] = 0 if early > 0 else self.reached
        if early <= 0 and not frame[Word.FIRST]:
            frame[Word.FIRST] = frame[Word.ENTER]

    def end_exactly(self) -> None:
        """Behind native code: take what stops it out of the record that has it."""
        frame = self.frame
        if frame[Word.STOPS_AT]:
            record = ctypes.c_uint64.from_address(int(frame[Word.STOPS_AT]))
            record.value = int(frame[Word.STOPPED_HANDLER])
            frame[Word.STOPS_AT] = 0
        if self.hart.instructions > self.reached:
            over = self.hart.instructions - self.reached
            raise AssertionError(f"the turn of hart {self.hart.index} went {over} too far")
