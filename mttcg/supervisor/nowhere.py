"""Harts that get nowhere, as vCPUs tell of them: in zeros, or in a loop that nothing ends."""

from collections.abc import Callable

from mttcg.state.vcpu_state import ENDED, Activity, Spinning, VcpuState
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.sleepers import sleeps_for_ever
from mttcg.vcpu.nowhere.spins import SPIN_SECONDS
from mttcg.vcpu.protocol.vcpu_messages import SpinFound, ZerosFound


class HartsNowhere:
    """Warns of them, once for each place.

    A loop that loads from memory may be ended by another hart. So it is told of when no other is
    left that does anything.

    Args:
        run: the run.
        warn: tells the user something, once.
    """

    def __init__(self, run: RunState, warn: Callable[[str], None]) -> None:
        self.run, self.warn = run, warn
        self.spins: dict[int, SpinFound] = {}

    def hear(self, index: int, message: SpinFound | ZerosFound) -> None:
        """Take in what a vCPU has found."""
        if isinstance(message, ZerosFound):
            self.warn(
                f"hart {index} has run off into zeros at pc {self._place(message.pc)}: "
                "an illegal instruction"
            )
        else:
            self.spins[index] = message

    def look(self, input_may_wake: bool) -> None:
        """Tell of those whose loops go on; input_may_wake: a hart that sleeps."""
        harts = self.run.harts.harts
        for index, found in list(self.spins.items()):
            spinning = harts[index].spinning
            if spinning == Spinning.ALONE or (
                spinning == Spinning.LOADING
                and all(self._does_nothing(hart, input_may_wake) for hart in harts)
            ):
                del self.spins[index]
                self.warn(self._text(index, found))

    def _does_nothing(self, hart: VcpuState, input_may_wake: bool) -> bool:
        if hart.state in ENDED or hart.spinning != Spinning.NOT:
            return True
        sleeps = hart.state == Activity.IDLE and sleeps_for_ever(self.run, hart)
        return sleeps and not input_may_wake

    def _text(self, index: int, found: SpinFound) -> str:
        many = "1 instruction" if found.instructions == 1 else f"{found.instructions} instructions"
        loads = ", which loads what nobody is left to change" if found.loads else ""
        place = self._place(found.pc, found.text)
        return (
            f"hart {index} spins at pc {place}, with interrupts off: a loop of {many} without a "
            f"store{loads}, for more than {SPIN_SECONDS:g} s"
        )

    def _place(self, pc: int, text: str = "") -> str:
        named = ": ".join(filter(None, (self.run.place_at(pc), text)))
        return f"{pc:#x} ({named})" if named else f"{pc:#x}"
