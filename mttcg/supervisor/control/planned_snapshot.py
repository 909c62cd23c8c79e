"""The snapshot of `--snapshot-at`: it is taken when a hart first comes to a place.

Or, where harts take turns, when all together have retired a number of instructions. That hart
stands before the instruction there, as for a debugger; all others are made to stand then, and are
wherever they have come to: there as well, if they came after it.
"""

import re

from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.guest.image import GuestImage
from mttcg.isa.context import EVERYWHERE
from mttcg.memory.address import Virtual
from mttcg.option_values import check_number
from mttcg.state.vcpu_state import NEVER, Activity
from mttcg.supervisor.control.control import RunControl
from mttcg.supervisor.snapshots.snapshots import Snapshots
from mttcg.supervisor.tasks import Answer, Task
from mttcg.terminal import tell
from mttcg.vcpu.machine.turn_words import ALL, Count
from mttcg.vcpu.protocol.orders import ChangeStops, GoOn
from mttcg.vcpu.protocol.stop_point import Motion, Reason, StopPoint
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

FOR_EVER = 1e9
"""Seconds that vCPUs may take to start."""
OPTION = "--snapshot-at"
EXPECTED = "SYMBOL, SYMBOL+OFFSET, an address as 0x..., or a number of instructions"
NUMBER = re.compile(r"[0-9]+")
PLACE = re.compile(r"(?P<symbol>[^+\s]+?)(\+(?P<offset>0x[0-9a-fA-F]+|\d+))?", re.ASCII)


def count_of(text: str, config: Config) -> Count | None:
    """The number of instructions that is meant, None if a place is; raises OptionError."""
    if NUMBER.fullmatch(text) is None:
        return None
    if not config.deterministic:
        wrong = f"{text}: harts that run at once have retired no number together"
        raise OptionError(OPTION, wrong, "--deterministic, or a place")
    number = int(text)
    check_number(OPTION, number, 1, NEVER - 1)
    return Count(ALL, number)


def place_of(text: str, image: GuestImage) -> Virtual:
    """The address that is meant; raises OptionError, GuestFileError."""
    if text.startswith("0x"):
        try:
            return Virtual(int(text, 16))
        except ValueError:
            raise OptionError(OPTION, f"{text!r} is no address", EXPECTED) from None
    found = PLACE.fullmatch(text)
    if found is None:
        raise OptionError(OPTION, f"{text!r} is no place", EXPECTED)
    address = image.find(found["symbol"], f"{OPTION}: ").address
    return Virtual(address + int(found["offset"] or "0", 0))


def plan(control: RunControl, config: Config, image: GuestImage) -> None:
    """Have the snapshot taken that a run is to take; before its vCPUs start.

    Raises OptionError, GuestFileError.
    """
    if config.gdb is not None:
        raise OptionError(OPTION, "there is --gdb, for which harts stop", "one of them")
    count = count_of(config.snapshot_at, config)
    if count is not None:
        PlannedSnapshot(control, config, None)
        control.run.machine.turns.stands_at = count
        return
    PlannedSnapshot(control, config, place_of(config.snapshot_at, image)).prepare()


class PlannedSnapshot:
    """One that is taken when its place is reached; it has the run's stops until then.

    Args:
        control: does what is to be done, in its turn.
        config: of the run.
        address: of the place; None for a number of instructions.
    """

    name = ""

    def __init__(self, control: RunControl, config: Config, address: Virtual | None) -> None:
        assert config.snapshot is not None
        self.control, self.path, self.text = control, config.snapshot, config.snapshot_at
        self.watch = control.watch
        self.points: tuple[StopPoint, ...] = ()
        if address is not None:
            self.points = (StopPoint(str(Reason.BREAKPOINT), 0, address, *EVERYWHERE),)
        self.reached = False
        self.is_told = config.streams is None  # else stderr is a program's
        control.debugger = self

    def prepare(self) -> None:
        """Have harts stop there from their first instruction on; before they start."""
        harts = self.control.run.harts.harts
        work = self.watch.standstill.begin(FOR_EVER)
        stand = next(work)  # they are asked before there are any

        def task() -> Task:
            yield lambda: all(hart.state != Activity.STARTING for hart in harts)
            yield stand
            yield from work
            self.watch.order(lambda epoch: ChangeStops(epoch, self.points, ()))
            self.watch.standstill.end()
            return {}

        self.control.begin(task(), self._told)

    def hart_stopped(self, _cpu: int, _message: HartStopped) -> None:
        """A hart is there: the first one, and whoever comes after it, stand until it is taken."""
        if not self.reached:
            self.reached = True
            self.control.begin(self._take(), self._told)

    def _take(self) -> Task:
        watch = self.watch
        snapshots = Snapshots(self.control.run, watch.standstill, watch.files.any_open)
        self.control.snapshots = snapshots
        try:
            answer = yield from snapshots.take(self.path, self._let_go)
        except BaseException:
            self._let_go()
            raise
        if self.is_told:
            tell(f"snapshot {answer['file']} at {self.text}: {answer['bytes']} bytes")
        return answer

    def _let_go(self) -> None:
        """Have harts stop there no more, and those that do go on; others may debug then."""
        if self.control.debugger is self:
            self.control.debugger = None
            self.watch.order(lambda epoch: ChangeStops(epoch, (), self.points))
            ways = (Motion.GO,) * self.control.run.harts.count
            self.watch.order(lambda epoch: GoOn(epoch, ways))

    def _told(self, wrong: str, _answer: Answer) -> None:
        if wrong:
            self.watch.failures.add(wrong)

    def ended(self) -> None:
        """The guest has ended."""
        if not self.reached:
            why = "no hart came there" if self.points else "the guest ended before"
            self.watch.failures.add(f"{OPTION} {self.text}: {why}; no snapshot")
