"""Going back in a run that repeats: to a moment that was kept, and forward from there again."""

import select
import time
from collections.abc import Callable, Collection, Generator, Sequence
from typing import NamedTuple, TypeAlias

from mttcg.debugger.guest import Point, WentBack
from mttcg.supervisor.control.control import RunControl
from mttcg.supervisor.debugging.moments import KeptMoment, Moments, RunPlace, made_by, place_of
from mttcg.supervisor.tasks import Answer, CommandError, Condition, Task, Work
from mttcg.vcpu.machine.turn_words import Count
from mttcg.vcpu.protocol.stop_point import Motion, Reason
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

MOMENT_SECONDS = 0.5
"""How long a guest runs from one moment that is kept to the next."""
FOR_EVER = 1e9
"""Seconds that harts may take to stand."""
Go: TypeAlias = Callable[[Sequence[Motion], Collection[Point]], None]
"""Lets harts go on, each in its way, and stop at some points."""
Way: TypeAlias = Generator[Condition, None, WentBack]
"""A way back, and where it has led."""


class FoundStop(NamedTuple):
    """A place at which a debugger wants a hart to stop, and what it is told there."""

    place: RunPlace
    stop: HartStopped


class NotWantedError(CommandError):
    """The debugger wants the guest to stand where it is."""

    def __init__(self) -> None:
        super().__init__("it was interrupted on the way back")


class RunHistory:
    """The way that a debugged run has come.

    Args:
        control: of the run.
        go: see Go.
        is_wanted: whether the debugger waits for the guest, which runs, or goes back.
    """

    def __init__(self, control: RunControl, go: Go, is_wanted: Callable[[], bool]) -> None:
        self.control, self.go, self.is_wanted = control, go, is_wanted
        self.run, self.watch = control.run, control.watch
        self.moments = Moments(self.run, self._written, self.watch.lines.write_again)
        self.is_going = False
        self.due = 0.0
        self.stopped: tuple[int, HartStopped] | None = None

    def _written(self) -> int:
        """The bytes that the guest has written, when all of them are taken."""
        output = self.watch.console_output
        while select.select([output], [], [], 0)[0]:
            self.watch.take_console()
        return self.watch.lines.written

    # forward

    def follow(self, ways: Sequence[Motion]) -> None:
        """Keep moments now and then while the guest runs, as of now; and end a hart's step."""
        harts = self.run.harts.harts
        stepping = [cpu for cpu, way in enumerate(ways) if way is Motion.STEP]
        counts = [Count(cpu, harts[cpu].instructions + 1) for cpu in stepping]
        self.run.machine.turns.stands_at = counts[0] if counts else None
        if not self.moments.kept or time.monotonic() > self.due:
            self._take()
        self._follow_on()

    def _follow_on(self) -> None:
        def again(wrong: str, _answer: Answer) -> None:
            if self.is_wanted() and not wrong:
                self._follow_on()

        self.control.begin(self._follow(), again)

    def _follow(self) -> Task:
        """Wait until it is time, or something else is to be done, which comes first."""
        others = self.control.waiting
        yield lambda: len(others) > 1 or not self.is_wanted() or time.monotonic() > self.due
        if len(others) == 1 and self.is_wanted() and not self.run.machine.stopping:
            yield from self.watch.standstill.during(self._take)
        return {}

    def _take(self) -> Answer:
        if not self.run.machine.stopping:
            self.moments.take()
            self.due = time.monotonic() + MOMENT_SECONDS
        return {}

    def changed(self) -> None:
        """The guest was changed where it stands: what comes is another future."""
        self.moments.forget_after()
        self.watch.lines.known = 0

    # back

    def back(
        self, cpu: int | None, points: Collection[Point], then: Callable[[WentBack], None]
    ) -> None:
        """Go back: by one step of a hart; without a hart, to the last of some points before."""
        found: list[WentBack] = []

        def task() -> Task:
            self.is_going = True
            if not self.moments.kept:
                self._take()
            if not self.moments.kept:
                raise CommandError("a hart waits for its host; expected it to go on before")
            found.append((yield from self._continue(points) if cpu is None else self._step(cpu)))
            return {}

        def done(wrong: str, _answer: Answer) -> None:
            self.is_going = False
            if self.is_wanted():
                then(found[0] if found else WentBack(0, None, wrong=wrong))

        self.control.begin(task(), done)

    def _step(self, cpu: int) -> Way:
        """To where a hart had made one instruction less, or taken one trap less."""
        hart, now = self.run.harts.harts[cpu], place_of(self.run)
        retired, made = hart.instructions, made_by(hart)
        kept = [each for each in self.moments.kept if each.place < now]
        before = [each for each in kept if each.made[cpu] < made - 1][-1:]
        there = [each for each in kept if each.made[cpu] == made - 1][:1]
        if not (before or there):
            return self._beginning(cpu)
        self.moments.go_back((before or there)[0])
        if hart.instructions < retired - 1:
            yield from self._run(Motion.GO, (), Count(cpu, retired - 1))
        while made_by(hart) < made - 1:
            yield from self._make_step(cpu, ())
        return WentBack(cpu, None)

    def _continue(self, points: Collection[Point]) -> Way:
        """To the last place before at which a debugger wants a hart to stop."""
        end = place_of(self.run)
        while (moment := self.moments.last_before(end)) is not None:
            found = yield from self._search(moment, end, points)
            if found is not None:
                yield from self._go_to(found.place)
                return WentBack(found.place.hart, found.stop)
            end = moment.place
        return self._beginning(end.hart)

    def _beginning(self, cpu: int) -> WentBack:
        """Back to where what is kept begins."""
        if self.moments.kept[0].place != place_of(self.run):
            self.moments.go_back(self.moments.kept[0])
        return WentBack(cpu, None, at_beginning=True)

    def _search(
        self, moment: KeptMoment, end: RunPlace, points: Collection[Point]
    ) -> Generator[Condition, None, FoundStop | None]:
        """The last place from a moment to an end at which a hart would stop."""
        self.moments.go_back(moment)
        self.run.machine.turns.hit = None
        found = None
        if self._has_to_run_to(end):
            yield from self._run(Motion.SEARCH, points, _count_of(end))
            found = self._noted(end)
        while (before := place_of(self.run)) < end:
            yield from self._make_step(end.hart, points)
            assert self.stopped is not None
            stop = self.stopped[1]
            if stop.reason != Reason.STEP:
                found = FoundStop(before, stop)
        return found

    def _noted(self, end: RunPlace) -> FoundStop | None:
        """The last place that was noted on the way to an end."""
        hit = self.run.machine.turns.hit
        if hit is None:
            return None
        place = RunPlace(hit.turn, hit.instructions, hit.taken, hit.hart)
        reason = Reason.ACCESS if hit.accesses else Reason.BREAKPOINT
        return FoundStop(place, HartStopped(reason, hit.pc, hit.address)) if place < end else None

    def _go_to(self, place: RunPlace) -> Work:
        """Have the guest stand at a place that it has been at."""
        moment = next(each for each in reversed(self.moments.kept) if each.place <= place)
        self.moments.go_back(moment)
        if self._has_to_run_to(place):
            yield from self._run(Motion.GO, (), _count_of(place))
        while place_of(self.run) < place:
            yield from self._make_step(place.hart, ())

    def _has_to_run_to(self, place: RunPlace) -> bool:
        """Whether more than traps lies between here and a place."""
        return place_of(self.run)[:2] < place[:2]

    def _make_step(self, cpu: int, points: Collection[Point]) -> Work:
        count = Count(cpu, self.run.harts.harts[cpu].instructions + 1)
        yield from self._run(Motion.GO, points, count, cpu)

    def _run(
        self, way: Motion, points: Collection[Point], until: Count, stepping: int | None = None
    ) -> Work:
        """Let the guest run until it stands, all harts in a way but one that steps."""
        ways = [way] * self.run.harts.count
        if stepping is not None:
            ways[stepping] = Motion.STEP
        self.stopped = None
        self.run.machine.turns.stands_at = until
        self.go(ways, points)
        yield lambda: self.stopped is not None or not self.is_wanted()
        yield from self.watch.standstill.begin(FOR_EVER)
        if self.stopped is None:
            raise NotWantedError


def _count_of(place: RunPlace) -> Count:
    """When the hart whose turn it is comes to a place, or to one before by traps alone."""
    return Count(place.hart, place.instructions, place.turn)
