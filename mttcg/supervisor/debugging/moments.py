"""Moments of a run that repeats: taken while its machine stands still, and gone back to."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mttcg.state.kept_state import take_words, words_of
from mttcg.state.vcpu_state import VcpuState
from mttcg.supervisor.debugging.past_pages import PastPages, Rows
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.snapshots.saved_turns import SavedTurns, clock_of
from mttcg.vcpu.machine.turn_words import TurnPhase

COUNTED = ("traps", "interrupts", "blocks", "block_pc")
"""Fields of a hart's state that a snapshot does not keep, and that are as they were here."""
MOST_MOMENTS = 48
MOST_BYTES = 512 << 20
"""Of RAM's contents; beyond, moments are given up, but for the first and the last two."""


class RunPlace(NamedTuple):
    """Where in a run its machine stands; a later one is a greater one.

    Attributes:
        turn: how many turns have ended.
        instructions: that the hart has retired whose turn it is.
        taken: traps and interrupts that it has taken.
        hart: which one that is.
    """

    turn: int
    instructions: int
    taken: int
    hart: int


class KeptMoment(NamedTuple):
    """The machine as it was at one place.

    Attributes:
        place: where.
        total: instructions that all harts together had retired.
        made: what each hart had, see `made_by`.
        shown: bytes of output that the guest had written.
        clock_ns: what the clock had run.
    """

    place: RunPlace
    total: int
    made: tuple[int, ...]
    shown: int
    clock_ns: int
    turns: SavedTurns
    harts: tuple[Mapping[str, Any], ...]
    counts: tuple[tuple[int, ...], ...]
    devices: bytes
    ram: Rows


def place_of(run: RunState) -> RunPlace:
    """Where a run stands."""
    turns = run.machine.turns
    hart = run.harts.harts[turns.hart]
    # between two turns nothing has happened since the end of the last
    turn = turns.ended - (turns.phase is TurnPhase.ENDED)
    return RunPlace(turn, hart.instructions, hart.traps + hart.interrupts, hart.index)


class Moments:
    """Those of one run that are kept, a bounded number.

    Args:
        run: the run; every method is for when it stands still.
        shown: gives how many bytes of output there are so far, after it has taken all.
        show_again: told how many bytes of output had come at the moment gone back to.
    """

    def __init__(
        self, run: RunState, shown: Callable[[], int], show_again: Callable[[int], None]
    ) -> None:
        self.run, self.shown, self.show_again = run, shown, show_again
        self.pages = PastPages(run.maps["ram"], run.fds["ram"])
        self.kept: list[KeptMoment] = []

    def take(self) -> None:
        """Keep the moment, unless it can't be, or lies behind one that is kept."""
        place = place_of(self.run)
        if any(hart.call_began for hart in self.run.harts.harts):
            return  # one waits within an instruction
        if self.kept and place <= self.kept[-1].place:
            return
        run, harts = self.run, self.run.harts.harts
        turns = SavedTurns.of(run)
        assert turns is not None, "harts take turns"
        self.kept.append(
            KeptMoment(
                place=place,
                total=sum(hart.instructions for hart in harts),
                made=tuple(map(made_by, harts)),
                shown=self.shown(),
                clock_ns=clock_of(run, 0),
                turns=turns,
                harts=tuple(map(words_of, harts)),
                counts=tuple(map(counts_of, harts)),
                devices=bytes(run.machine.device_state),
                ram=self.pages.take(),
            )
        )
        self._thin()

    def last_before(self, place: RunPlace) -> KeptMoment | None:
        """The last one before a place."""
        return next((each for each in reversed(self.kept) if each.place < place), None)

    def go_back(self, moment: KeptMoment) -> None:
        """Make the machine what it was; its vCPUs begin from there when they go on."""
        run, turns = self.run, moment.turns
        self.shown()  # what is on its way is not to be taken for what comes again
        self.pages.put_back(moment.ram)
        run.machine.device_state[:] = moment.devices
        for hart, words, counts in zip(run.harts.harts, moment.harts, moment.counts, strict=True):
            take_words(hart, words)
            for name, value in zip(COUNTED, counts, strict=True):
                setattr(hart, name, value)
            hart.alert = 1
        ends = run.harts.harts[turns.hart].instructions + turns.left
        run.machine.turns.now = moment.clock_ns
        run.machine.turns.stop_within(turns.hart, turns.phase, turns.ended, ends)
        run.machine.turns.went_back += 1
        run.machine.written += 1
        self.show_again(moment.shown)

    def forget_after(self) -> None:
        """The machine was changed: what was later is another future now."""
        place = place_of(self.run)
        self.kept = [each for each in self.kept if each.place < place]
        self.pages.forget_all_but([each.ram for each in self.kept])

    def _thin(self) -> None:
        """Give up moments that lie close together for how long ago they are."""
        while len(self.kept) > 3 and (
            len(self.kept) > MOST_MOMENTS or self.pages.used > MOST_BYTES
        ):
            now = self.kept[-1].total
            del self.kept[
                min(
                    range(1, len(self.kept) - 2),
                    key=lambda at: (
                        (self.kept[at + 1].total - self.kept[at - 1].total)
                        / (now - self.kept[at].total + 1)
                    ),
                )
            ]
            self.pages.forget_all_but([each.ram for each in self.kept])


def made_by(hart: VcpuState) -> int:
    """Instructions that a hart has retired, and traps and interrupts that it has taken."""
    return hart.instructions + hart.traps + hart.interrupts


def counts_of(hart: VcpuState) -> tuple[int, ...]:
    """What a hart has counted, by COUNTED."""
    return tuple(getattr(hart, name) for name in COUNTED)
