"""Where a hart stops for a debugger, why it did, and how it goes on.

A place is instrumentation like any other: a page that has none runs as before. What is attached
before an instruction at which the hart stops has run then, once; the instruction itself has not.
To step, the hart stops at all places at which it can be after one instruction.
"""

from collections.abc import Callable, Iterator

from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.errors import NotRamError
from mttcg.isa.context import Scope
from mttcg.memory.address import Virtual
from mttcg.vcpu.instrumentation.exchange import Orders
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu
from mttcg.vcpu.instrumentation.watchpoints import Watchpoints
from mttcg.vcpu.protocol.orders import ChangeStops, GoOn
from mttcg.vcpu.protocol.stop_point import OWNER, Motion, Reason, StopPoint
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

PRECEDENCE = {Reason.STEP: 0, Reason.BREAKPOINT: 1, Reason.ACCESS: 2}
"""Of several reasons at one place, the one that is told of."""


def site_of(point: StopPoint) -> Attachment:
    """A place as instrumentation."""
    scope = Scope(point.mask, point.wanted)
    return Attachment(OWNER, Where.STOP, None, point.address, Reason.BREAKPOINT, scope=scope)


class HartStops:
    """One vCPU's.

    Args:
        guest: of the vCPU.

    Attributes:
        standing: whether the hart is to stand until the supervisor says how it goes on.
        stepping: whether it runs one instruction, by which it takes no interrupt.
        searching: whether it notes where it would stop, and goes on.
        note: where harts take turns, notes that: whether it is an access, its address, and the pc.
    """

    note: Callable[[bool, Virtual, Virtual], None] | None = None

    def __init__(self, guest: GuestOfVcpu) -> None:
        self.guest = guest
        self.standing = self.stepping = self.searching = False
        self.step_sites: set[Attachment] = set()
        self.watched: set[StopPoint] = set()
        self.watchpoints = Watchpoints()
        self.reached: Reason | None = None
        self.untold: HartStopped | None = None
        self.passed: Virtual | None = None
        guest.on_stop = self.reach

    @property
    def orders(self) -> Orders:
        """What is done of the supervisor's orders."""
        return {ChangeStops: self.change, GoOn: self.go_on}

    def reach(self, attachment: Attachment, pc: Virtual) -> None:
        """The hart is at a place, within translated code: have it leave, unless it is to pass."""
        if attachment.target is Reason.STEP and not self.stepping:
            return
        if self.reached is None or PRECEDENCE[attachment.target] > PRECEDENCE[self.reached]:
            self.reached = attachment.target
        self.guest.engine.stop_for_callback(pc, half_done=False)

    def stop(self, pc: Virtual) -> bool:
        """Have the hart stand at a pc, if it has left for that; whether it has."""
        if self.reached is None:
            return False
        at = self.watchpoints.take_met() if self.reached is Reason.ACCESS else 0
        reason, self.reached, self.passed = self.reached, None, pc
        if self.searching and self.note is not None:
            self.note(reason is Reason.ACCESS, Virtual(at), pc)
            return True
        self.untold = HartStopped(reason, pc, Virtual(at))
        self.stepping, self.standing = False, True
        self.guest.hart.request = 1
        return True

    def met_watched(self) -> bool:
        """Whether the hart stands now, as its last instruction met what is watched.

        Native code looks before the next one, which is too late where a turn ends in between.
        """
        if not self.watchpoints.is_met():
            return False
        self.reached = Reason.ACCESS
        self.stop(self.guest.hart.pc)
        return self.standing

    def stand(self) -> None:
        """Have the hart stand, as it has come to a number of instructions, or made its step."""
        reason = Reason.STEP if self.stepping else Reason.COUNT
        self.untold = self.untold or HartStopped(reason, self.guest.hart.pc, Virtual(0))
        self.stepping, self.standing = False, True
        self.guest.hart.request = 1

    def forget(self) -> None:
        """The hart is elsewhere: nothing of where it was holds any more."""
        self.reached = self.untold = self.passed = None

    def let_interrupt(self) -> bool:
        """Whether the hart may be interrupted: not as it steps, nor where its instruction began.

        Where harts take turns it is when it would be without a debugger.
        """
        if self.note is not None:
            return True
        unfinished, pc = self.guest.engine.unfinished, self.guest.hart.pc
        if self.passed not in (unfinished, pc):
            self.passed = None
        return not self.stepping and (self.passed is None or self.passed != unfinished)

    def tell_of_stop(self) -> None:
        """Tell the supervisor that the hart has stopped, when its registers are in its state."""
        if self.untold is not None:
            self.guest.exchange.tell(self.untold)
            self.untold = None

    def change(self, message: ChangeStops, _descriptors: list[int]) -> None:
        """Stop at other places."""
        for add, points in ((False, message.removed), (True, message.added)):
            for point in points:
                if point.kind == Reason.BREAKPOINT:
                    self.guest.apply(Change(add, site_of(point)))
                elif add:
                    self.watched.add(point)
                else:
                    self.watched.discard(point)
        if any(p.kind != Reason.BREAKPOINT for p in (*message.added, *message.removed)):
            for change in self.watchpoints.watch(self.watched):
                self.guest.apply(change)

    def go_on(self, message: GoOn, _descriptors: list[int]) -> None:
        """Go on as is asked for."""
        way = Motion(message.ways[self.guest.index])
        self.standing, self.stepping = way is Motion.STAND, way is Motion.STEP
        self.searching = way is Motion.SEARCH
        wanted = set(self._sites_behind()) if self.stepping else set()
        for add, sites in (
            (False, self.step_sites - wanted),
            (True, wanted - self.step_sites),
        ):
            for site in sites:
                self.guest.apply(Change(add, site))
        self.step_sites = wanted

    def _sites_behind(self) -> Iterator[Attachment]:
        """Where the hart can be after one instruction."""
        for pc in self._places_behind():
            yield Attachment(OWNER, Where.STOP, self.guest.index, pc, Reason.STEP)

    def _places_behind(self) -> Iterator[Virtual]:
        guest, hart = self.guest, self.guest.hart
        code, system = guest.isa.code, guest.isa.system
        yield from (pc for pc in system.trap_places(hart) if pc % code.alignment == 0)
        if self.note is not None:
            return  # else it stands when it has retired one more
        try:
            word = self._word_at(hart.pc)
        except NotRamError:
            return  # it can't be fetched, and traps
        facts = code.facts(word)
        yield Virtual(hart.pc + facts.length & (1 << 64) - 1)
        target = facts.target_from(hart.pc)
        if facts.indirect is not None:
            register, displacement = facts.indirect
            base = system.integer_registers(hart)[register]
            target = Virtual(base + displacement & ((1 << 64) - code.alignment))
        if target is not None:
            yield target

    def _word_at(self, pc: Virtual) -> int:
        code, read = self.guest.isa.code, self.guest.read_memory
        first = read(pc, code.alignment)
        more = code.length(int.from_bytes(first, "little")) - len(first)
        return int.from_bytes(first + read(Virtual(pc + len(first)), more), "little")
