"""Harts that take turns, so that a run repeats.

One hart runs at a time, and for a number of instructions; then it is the next hart's turn that is
not asleep. The clock is what all harts have retired, a nanosecond each; while all sleep it jumps to
the next timer. Whose turn it is, and the clock, are in the machine's memory. Only the vCPU whose
turn it is writes them, or looks at other harts' states, and these do not change meanwhile.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from mttcg.isa.system import System
from mttcg.memory.address import HostAddress, Virtual
from mttcg.state.vcpu_state import ENDED, NEVER, Activity, Power, VcpuState
from mttcg.state.words import MASK
from mttcg.vcpu.machine.shared import Harts, MachineState
from mttcg.vcpu.machine.turn_inputs import TurnInputs
from mttcg.vcpu.machine.turn_words import ALL, Hit, TurnPhase

GOLDEN, FIRST_FACTOR, SECOND_FACTOR = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Of splitmix64, see https://prng.di.unimi.it/splitmix64.c."""


def mixed(number: int) -> int:
    """64 bits that depend on all bits of a number."""
    number = number * GOLDEN & MASK
    number = (number ^ number >> 30) * FIRST_FACTOR & MASK
    number = (number ^ number >> 27) * SECOND_FACTOR & MASK
    return number ^ number >> 31


class TurnPlan(NamedTuple):
    """How long turns are, and whose the next one is.

    Attributes:
        quantum: instructions of a turn; with a seed their mean.
        seed: what lengths and order are drawn from; None: all have the same length, in order.
    """

    quantum: int
    seed: int | None = None

    def length(self, turn: int) -> int:
        """Instructions of a turn, by its number."""
        if self.seed is None:
            return self.quantum
        return 1 + mixed(mixed(self.seed) ^ 2 * turn) % (2 * self.quantum - 1)

    def choose(self, turn: int, harts: list[int]) -> int:
        """Which of some harts has a turn; they are in the order in which they would come."""
        if self.seed is None:
            return harts[0]
        return harts[mixed(mixed(self.seed) ^ 2 * turn + 1) % len(harts)]


def activity_of(hart: VcpuState) -> int:
    """What a hart does: of one that stands still, or has not begun, what it did before."""
    state = hart.state
    return hart.stood if state in (Activity.STARTING, Activity.PAUSED) else state


class Alarm(Protocol):
    """A device that interrupts at a time."""

    def seconds_left(self) -> float:
        """Seconds until then; infinity if no alarm is set."""

    def can_interrupt(self) -> bool:
        """Whether it interrupts then."""

    def ring_due(self) -> None:
        """Interrupt if it is time."""


class Turns:
    """The turns of one vCPU's hart.

    Args:
        index: which hart.
        harts, machine: of the run.
        system: of their ISA.
        plan: of all turns.
        wait: sleeps until something is asked of this vCPU, and does it.
        inputs: what comes from outside.
        alarms: devices that interrupt at a time.

    Attributes:
        begin_anew: has the engine forget its block, as the hart is elsewhere.
    """

    begin_anew: Callable[[], None]

    def __init__(
        self,
        index: int,
        harts: Harts,
        machine: MachineState,
        system: System[VcpuState],
        plan: TurnPlan,
        wait: Callable[[], None],
        inputs: TurnInputs,
        alarms: Sequence[Alarm] = (),
    ) -> None:
        self.index, self.harts, self.machine, self.system = index, harts, machine, system
        self.hart, self.plan, self.wait = harts.harts[index], plan, wait
        self.inputs, self.alarms = inputs, alarms

    @property
    def clock(self) -> HostAddress:
        """Where what the hart's instructions are from the clock is."""
        return self.machine.turns.origin

    def limit(self) -> int:
        """What the hart is to have retired when its turn is over, or a timer's time has come."""
        machine, now = self.machine, self.machine.time()
        last = self.inputs.last(self.index)
        ends = min(machine.turns.ends, self._stands_at(), NEVER if last is None else last)
        times = [time for time in self.system.timers(self.hart) if time > now]
        if not times:
            return ends
        due = machine.nanoseconds_of(min(times)) - machine.elapsed() + self.hart.instructions
        return min(ends, due)

    def _stands_at(self) -> int:
        """What the hart is to have retired when it is to stand still; NEVER if it is not to."""
        count = self.machine.turns.stands_at
        if count is None or count.hart not in (ALL, self.index):
            return NEVER
        if count.turn > self.machine.turns.ended:
            return NEVER
        if count.hart == self.index:
            return count.instructions
        others = sum(each.instructions for each in self.harts.harts if each is not self.hart)
        return count.instructions - others

    def is_to_stand(self) -> bool:
        """Whether the hart has come to the number of instructions at which it is to stand, once."""
        if self.machine.stopping or self.hart.instructions < self._stands_at():
            return False
        self.machine.turns.stands_at = None
        return True

    def begin(self) -> None:
        """Wait for the hart's first turn, or go on with one in which the machine stood still."""
        hart, turns = self.hart, self.machine.turns
        turns.retired = None
        hart.state = Activity.IDLE if hart.stood == Activity.IDLE else Activity.RUNNING
        if turns.hart != self.index or turns.phase is TurnPhase.CHOSEN:
            self._await()
        elif turns.phase is TurnPhase.ON:
            turns.go_on(self._retired)
        else:
            self._pass_on()
        hart.state = Activity.RUNNING

    def look(self) -> bool:
        """At the turn's end, let others have theirs; back in the hart's next one.

        Returns whether it was at its end.
        """
        last = self.inputs.last(self.index)
        if last is not None and self.hart.instructions >= last:
            self.inputs.stop()
        elif self.hart.instructions >= self.machine.turns.ends:
            self.give_up()
        else:
            return False
        return True

    def give_up(self) -> None:
        """End the turn, let others have theirs; back in the hart's next one."""
        self.machine.turns.end()
        self._pass_on()

    def note(self, accesses: bool, address: Virtual, pc: Virtual) -> None:
        """Note that the hart is where a debugger wants it to stop.

        accesses: it is behind the instruction that accessed memory at the address. pc: of the hart.
        """
        hart, turns = self.hart, self.machine.turns
        taken = hart.traps + hart.interrupts
        retired = hart.instructions - accesses
        turns.hit = Hit(turns.ended, retired, taken, self.index, accesses, address, pc)

    def _retired(self) -> int:
        return self.hart.instructions

    def _pass_on(self) -> None:
        machine = self.machine
        following = self._next()
        if not machine.stopping:
            machine.turns.choose(following)
            if following != self.index:
                self.harts.wake(following)
        self._await()

    def sleep(self, until: Callable[[], bool]) -> None:
        """Have no turns until something is so."""
        while not (self.machine.stopping or until()):
            self.give_up()

    def wait_for_input(self) -> None:
        """Within an instruction: have no turns until the console has input, or never will."""
        turns = self.machine.turns
        turns.set_waits(self.index, True)
        self.give_up()
        turns.set_waits(self.index, False)

    def _await(self) -> None:
        machine = self.machine
        while machine.turns.hart != self.index and not machine.stopping:
            self.wait()
        if not machine.stopping:
            machine.turns.begin(self._retired, self.plan.length(machine.turns.ended))

    def _next(self) -> int:
        """Whose turn it is; if all sleep, when the next timer's time has come, or at a request."""
        machine, harts, count = self.machine, self.harts.harts, self.harts.count
        order = [(self.index + step) % count for step in range(1, count + 1)]
        while not machine.stopping:
            for device in self.alarms:
                device.ring_due()
            self.inputs.take()
            awake = [index for index in order if self._is_awake(harts[index])]
            if awake:
                return self.plan.choose(machine.turns.ended, awake)
            due = min(*map(self._deadline, harts), *map(self._alarm, self.alarms), NEVER)
            self.inputs.pass_time(None if due == NEVER else machine.nanoseconds_of(due))
        return self.index

    def _is_awake(self, hart: VcpuState) -> bool:
        if hart.state in ENDED:
            return False
        if self.machine.turns.waits(hart.index):
            return self.inputs.are_there()
        if activity_of(hart) != Activity.IDLE:
            return True
        if hart.power in (Power.STOPPED, Power.START_PENDING):
            return hart.power == Power.START_PENDING
        return self.system.wakes(hart, self.machine)

    def _deadline(self, hart: VcpuState) -> int:
        asleep = hart.power not in (Power.STOPPED, Power.START_PENDING)
        asleep = asleep and not self.machine.turns.waits(hart.index)
        return self.system.deadline(hart) if asleep else NEVER

    def _alarm(self, device: Alarm) -> int:
        """The time at which a device's alarm is due."""
        left = device.seconds_left() if device.can_interrupt() else math.inf
        if left == math.inf:
            return NEVER
        return self.machine.time() + math.ceil(left * self.machine.timebase)
