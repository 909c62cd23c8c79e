"""Whose turn it was when a machine stood still whose harts take turns."""

from mttcg.config import Config
from mttcg.supervisor.run_state import RunState
from mttcg.vcpu.machine.shared import FIRST_DAY, MachineState
from mttcg.vcpu.machine.turn_words import TurnPhase
from mttcg.vcpu.protocol.typed_value import TypedValue


class SavedTurns(TypedValue):
    """The turns of a machine.

    hart: whose turn it was, or was the last. ended: how many turns had. left: instructions that
    this one had left, if it was on.
    """

    hart: int
    phase: TurnPhase
    ended: int
    left: int

    @classmethod
    def of(cls, run: RunState) -> "SavedTurns | None":
        """Those of a run that stands still; None if its harts take none."""
        turns = run.machine.turns
        if not turns.are_taken:
            return None
        left = turns.ends - run.harts.harts[turns.hart].instructions
        return cls(turns.hart, turns.phase, turns.ended, max(0, left))


def clock_of(run: RunState, since_ns: int) -> int:
    """How long the clock of a run had run when it came to stand still, in nanoseconds."""
    turns = run.machine.turns
    if not turns.are_taken:
        return run.machine.nanoseconds_at(since_ns)
    return turns.elapsed_with(run.harts.harts[turns.hart].instructions)


def day_of(config: Config, clock_ns: int, now_ns: int) -> int:
    """The real time that a guest sees: nanoseconds since 1970.

    clock_ns: how long its clock has run. now_ns: the host's real time then.
    """
    return FIRST_DAY + clock_ns if config.deterministic else now_ns


def fill_turns(machine: MachineState, saved: SavedTurns, again: int) -> None:
    """Let harts that have not begun take turns from where those of a snapshot stood.

    again: instructions that the hart whose turn it is makes again.
    """
    machine.turns.stop_within(saved.hart, saved.phase, saved.ended, saved.left + again)
