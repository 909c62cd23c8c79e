"""The run loop of one vCPU."""

import os
import select
from collections.abc import Callable
from functools import partial
from typing import Any

from mttcg.engine.base import AccessRefused, Engine, Exit, ExitKind
from mttcg.firmware.firmware import Firmware
from mttcg.instrument.api.cpu import CallbackPhase
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.base import Isa
from mttcg.isa.code import Missing
from mttcg.isa.system import Effect, MemoryFault, Trap
from mttcg.memory.address import Physical, Virtual
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import NEVER, Activity
from mttcg.tbcache.cache import Block
from mttcg.vcpu.beginning import WentBackError, begin_turn, stay
from mttcg.vcpu.host.firmware_calls import FirmwareCalls
from mttcg.vcpu.host.host_calls import HostCalls
from mttcg.vcpu.host.host_work import HostWorkCounter
from mttcg.vcpu.host.made_accesses import load, store
from mttcg.vcpu.host.no_translation import NoTranslationError
from mttcg.vcpu.host.places import find_places
from mttcg.vcpu.host.remote_fences import RemoteFences
from mttcg.vcpu.host.zero_block import WIDEST, zero_block
from mttcg.vcpu.instrumentation.device_events import DeviceEvents
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu
from mttcg.vcpu.instrumentation.kernel_events import KernelEvents
from mttcg.vcpu.instrumentation.left_blocks import LeftBlocks
from mttcg.vcpu.instrumentation.lifecycle import Lifecycle
from mttcg.vcpu.machine.devices import Devices
from mttcg.vcpu.machine.shared import Harts, MachineState
from mttcg.vcpu.machine.timer import LONGEST_SLEEP, Stopwatch, Timer, seconds_until
from mttcg.vcpu.machine.turns import Turns
from mttcg.vcpu.nowhere.seen_traps import SeenTraps
from mttcg.vcpu.nowhere.spins import Spins
from mttcg.vcpu.nowhere.trap_loops import TrapLoop, TrapLoops
from mttcg.vcpu.nowhere.unsupported_places import UnsupportedPlaces
from mttcg.vcpu.nowhere.zeros import Zeros
from mttcg.vcpu.stops import HartStops

FINDING = ("plugin_pre_translate", "plugin_needs_before_insn")


class Vcpu:
    """One vCPU: an engine for the plain instructions, this loop for all the rest.

    Args:
        index: which hart.
        isa: its ISA.
        harts: all harts.
        machine: the machine page.
        devices: of the board.
        ram: guest RAM.
        guest: the guest as plugins see it.
        make_engine: builds the engine, given the function to call with each new block.
        notice_fd: eventfd on which the supervisor is told that this hart went to sleep.
        on_trap_loop: told, once for each, of a trap that the hart takes for ever.
        on_unsupported: told of places, see `UnsupportedPlaces`.
        firmware: answers the guest's calls, if the host is its firmware.

    Attributes:
        left_blocks: told when a block is left before its end.
        host_calls: does the guest's calls of the host; None if it is to have none.
        device_events: tells plugins of devices.
        spins, zeros: look whether the hart gets nowhere; None if nobody wants to know.
        turns: those of the hart; None if all harts run at once.
    """

    host_calls: HostCalls | None = None
    spins: Spins | None = None
    zeros: Zeros | None = None
    turns: Turns | None = None

    def __init__(
        self,
        index: int,
        isa: Isa,
        harts: Harts,
        machine: MachineState,
        devices: Devices,
        ram: GuestRam,
        guest: GuestOfVcpu,
        make_engine: Callable[[Callable[[Block], Plan | None]], Engine],
        notice_fd: int,
        on_trap_loop: Callable[[TrapLoop], None] = lambda loop: None,
        on_unsupported: Callable[[Missing | None, Virtual], None] = lambda found, pc: None,
        firmware: Firmware | None = None,
    ) -> None:
        self.isa, self.system, self.hart = isa, isa.system, harts.harts[index]
        self.wake_fd = harts.wake_fds[index]
        self.machine, self.devices, self.guest = machine, devices, guest
        self.ram, self.notice_fd = ram, notice_fd
        self.lifecycle = Lifecycle(guest)
        self.device_events = DeviceEvents(index, isa.system, self.lifecycle)
        self.kernel_events = KernelEvents(guest)
        self.timer = Timer(self.hart, machine, lambda: self.system.deadline(self.hart))
        self.stopwatch = Stopwatch(self.hart)
        self.engine = make_engine(self._discover)
        self.changes = self.engine.cache.changes
        self.fences = RemoteFences(harts.harts, index, self.engine, self.stops_waiting)
        self.left_blocks = LeftBlocks(guest, self.engine)
        guest.connect(self.engine)
        self.stops = HartStops(guest)
        self.trap_loops = TrapLoops(self.hart, self.system, self.engine.spill_integer, on_trap_loop)
        native = self.engine.native_system
        self.seen_traps = SeenTraps(native, self.trap_loops, self._has_watched_traps)
        self.needs_timer = native is None
        self.extensions = self.system.extensions[self.engine.name]
        self.unsupported = UnsupportedPlaces(self.hart, isa, self.extensions, on_unsupported)
        self.calls = FirmwareCalls(firmware, self)
        self.float_on = False
        self.shown: set[tuple[Virtual, int]] = set()
        self.finders: list[Any] = []
        self.follow_plugins()
        work = HostWorkCounter(self.hart, isa.code)
        self.handlers: dict[ExitKind, Callable[[Exit], None]] = {
            ExitKind.REQUEST: lambda _exit: None,
            ExitKind.SYSTEM: partial(work.serve, self._system),
            ExitKind.ACCESS: partial(work.serve, self._access),
            ExitKind.FETCH: partial(work.serve, self._fetch_fault),
            ExitKind.TRAP: partial(work.serve, self._trap),
            ExitKind.CALLBACK: self._callback,
            ExitKind.OTHER_VERSION: self._other_version,
        }

    def follow_plugins(self) -> None:
        """Look at which plugins there are now."""
        plugins = self.guest.plugins.values()
        self.finders = [p for p in plugins if any(hasattr(p.module, f) for f in FINDING)]
        self.engine.watch_blocks(bool(self.finders))
        self.lifecycle.follow()
        self.kernel_events.follow()
        self.seen_traps.follow()
        if self.engine.native_system is not None:
            events = ("plugin_mmio", "plugin_interrupt")
            told = any(map(self.lifecycle.has_listeners, events))
            self.engine.native_system.let_accesses(not told)
        self.device_events.follow()

    def _has_watched_traps(self) -> bool:
        """Whether plugins are told of traps, or count what these leave."""
        told = ("plugin_trap", "plugin_interrupt")
        return self.left_blocks.any() or any(map(self.lifecycle.has_listeners, told))

    def attend(self, seconds: float = LONGEST_SLEEP, *others: int) -> None:
        """Sleep until something is asked of this vCPU, and do it; others: see below."""
        asleep = self.hart.state == Activity.IDLE
        if not self.hart.request:
            self._wait_for_request(min(seconds, LONGEST_SLEEP), *others)
        if self.hart.request:
            (self._serve_requests_asleep if asleep else self._serve_requests)()

    def _arm_timer(self) -> None:
        """Have the hart look when its timer is due, unless native code looks at the clock."""
        if self.needs_timer:
            self.timer.arm()

    def begin_plugin(self, plugin: Any) -> None:
        """Let a plugin that has just been loaded see what the others have seen before."""
        self.lifecycle.tell_one(plugin.name, "plugin_vcpu_start")
        if plugin not in self.finders:
            return
        shown: set[tuple[Virtual, int]] = set()
        for block in self.engine.known_blocks():
            for pc, word in zip(block.pcs, block.instructions["word"].tolist(), strict=True):
                if (pc, word) not in shown:
                    shown.add((pc, word))
                    self._show(plugin, pc)
        self.shown |= shown

    def start(self, pc: Virtual, device_tree: Physical, information: int = 0) -> None:
        """Set the registers that a hart starts with; information: for firmware, or 0."""
        if self.calls.firmware is None:
            self.system.start(self.hart, pc, device_tree, self.extensions, information)
        else:
            self.system.start_supervisor(self.hart, pc, device_tree, self.extensions)
        self.guest.followed.follow_context()
        self.engine.fill()
        self.follow_plan()

    def run(self, again: bool = False) -> None:
        """Run until the machine stops; again: it was made what it had been before."""
        hart, engine = self.hart, self.engine
        self.changes.follow()
        begin_turn(self)
        if not again:
            self.lifecycle.tell("plugin_vcpu_start")
        stay(self)
        while not self.machine.stopping:
            if self.turns is not None and (self.stops.met_watched() or self.turns.is_to_stand()):
                self.stops.stand()
            if hart.request:
                self._serve_requests()
            if self.turns is not None and self.turns.look():  # behind that: who stands keeps it
                continue
            hart.alert = 0  # before the inputs are looked at
            interrupted_at = hart.pc
            lets = self.stops.let_interrupt()
            code = self.system.take_interrupt(hart, self.machine) if lets else None
            if code is not None:
                self.device_events.interrupt(code, interrupted_at)
                if self.stops.stepping:
                    self.stops.stand()
                    continue
            if engine.unfinished not in (None, hart.pc):
                self.left_blocks.leave(engine.unfinished)
            self.changes.follow()
            self.left_blocks.follow_context()
            left = engine.run(hart.pc)
            hart.pc = left.pc
            self.guest.emitters.flush()
            self.handlers[left.kind](left)
        if engine.unfinished is not None:
            self.left_blocks.leave(engine.unfinished)
        engine.spill()
        self.stopwatch.was_running()
        self.device_events.tell_transfers()
        self.lifecycle.tell("plugin_vcpu_exit")

    def _serve_requests(self) -> None:
        """Do what others asked of this vCPU."""
        self._take_up()
        self.engine.spill()
        if self.spins is not None:
            self.spins.look()
        self.stopwatch.was_running()
        if self.machine.pause or self.stops.standing:
            self._hold()
        self._arm_timer()

    def _take_up(self) -> None:
        """Make the changes that have come; the word is cleared before they are looked at."""
        self.hart.request = 0
        self.fences.serve()
        self.device_events.tell_transfers()
        epoch = self.guest.receive_changes()
        self.follow_plan()
        if epoch:
            self.hart.epoch = epoch
            os.eventfd_write(self.notice_fd, 1)

    def _hold(self) -> None:
        """Stand still until the supervisor lets go; the hart and RAM may be other ones then."""
        hart, machine = self.hart, self.machine
        state, written, went_back = hart.state, machine.written, machine.turns.went_back
        hart.stood, hart.state = state, Activity.PAUSED
        self.stops.tell_of_stop()
        while not machine.stopping:
            number = machine.pause
            if number and hart.held != number:
                hart.held = number  # after the state and all registers
                os.eventfd_write(self.notice_fd, 1)
            self._take_up()  # after the number: what was ordered before that changed is known
            if not (number or self.stops.standing):
                break
            if machine.pause == number:
                self._wait_for_request(LONGEST_SLEEP)
        goes_back, unfinished = machine.turns.went_back != went_back, self.engine.unfinished
        if goes_back and unfinished is not None:
            self.left_blocks.leave(unfinished)
        hart.state = hart.state if goes_back else state
        self.stopwatch.skip()
        self.engine.fill()
        self.engine.fence_translations()
        self.follow_status()
        if machine.written != written:
            self.changes.distrust()
            hart.cache_invalidated += self.engine.fetch_again()
        if goes_back:
            raise WentBackError

    def _wait_for_request(self, seconds: float, *others: int) -> None:
        """Wait for so long, or until a request comes, or one of some descriptors may be read."""
        self.changes.rest()
        waited_for = [self.wake_fd, *others]
        ready = select.select(waited_for, [], [], seconds)[0]  # finer than poll's milliseconds
        if self.wake_fd in ready:
            os.eventfd_read(self.wake_fd)
        self.changes.follow()

    def wait_for(self, descriptor: int) -> None:
        """In an instruction that waits for the host: wait until a descriptor may be read.

        What others ask of this vCPU is done meanwhile, and then it is over, too.
        """
        self.stopwatch.was_running()
        self.engine.spill()
        if self.turns is None:
            self._wait_for_request(LONGEST_SLEEP, descriptor)
        else:
            self.turns.wait_for_input()
        self._serve_requests_asleep()

    def stops_waiting(self) -> bool:
        """Whether to wait for another process no more; asked at each look whether it is ready.

        That may itself wait for the device process, and this for room in the log of transfers.
        """
        self.device_events.take_transfers()
        return self.machine.stopping

    def follow_plan(self) -> None:
        """Put the plan in force if it is another by now."""
        plan = self.guest.take_plan()
        if plan is not None:
            self.engine.apply(plan)

    def _discover(self, block: Block) -> Plan | None:
        """Show a new block's instructions to the plugins, once each; the plan, if it is another.

        Blocks overlap, and a page that was changed has most instructions still where they were.
        """
        if self.finders:
            for pc, word in zip(block.pcs, block.instructions["word"].tolist(), strict=True):
                if (pc, word) not in self.shown:
                    self.shown.add((pc, word))
                    for plugin in self.finders:
                        self._show(plugin, pc)
        return self.guest.take_plan()

    def _show(self, plugin: Any, pc: Virtual) -> None:
        call, module = self.guest.call, plugin.module
        pre_translate = getattr(module, FINDING[0], None)
        if pre_translate is not None:
            call(
                plugin.name,
                pre_translate,
                self.guest.cpu,
                pc,
                phase=CallbackPhase.TRANSLATION,
                pc=pc,
            )
        needs = getattr(module, FINDING[1], None)
        if needs is not None:
            answer = call(
                plugin.name, needs, pc, self.guest.cpu, phase=CallbackPhase.TRANSLATION, pc=pc
            )
            if answer and answer[0]:
                self.lifecycle.attach_before_insn(plugin, pc)

    def _system(self, left: Exit) -> None:
        hart = self.hart
        self.engine.spill_integer()
        before = hart.pc
        if self.host_calls is not None and self.host_calls.is_call(before, left.word):
            self._call_host(self.host_calls, left.word)
            return
        answer = self.system.execute(hart, left.word, self.machine)
        if isinstance(answer, Trap):
            self._take(answer)
            return
        target = self.isa.code.facts(left.word).destination
        if target:
            self.engine.write_x(target, self.system.integer_registers(hart)[target])
        self.engine.retired(before, left.word, hart.pc)
        if answer is Effect.WAIT:
            if self.turns is not None or not self.stops.stepping:  # to go on at once is right, too
                self.wait()
        elif answer is Effect.FETCH:
            hart.cache_invalidated += self.engine.fetch_again()
        elif answer is Effect.STATUS:
            self.follow_status()
        elif answer is Effect.TRANSLATIONS:
            if self.system.translates(hart) and self.needs_timer:
                raise NoTranslationError(self.engine.name, before)
            self.engine.fence_translations()
            hart.cache_invalidated += self.engine.fetch_again()
            self.follow_status()
        elif answer is Effect.CALL:
            self.calls.answer()

    def _call_host(self, calls: HostCalls, word: int) -> None:
        hart, before = self.hart, self.hart.pc
        hart.pc = Virtual(before + self.isa.code.length(word))  # a call may wait, and be asked
        hart.call_began = before
        result = calls.do(self.system.integer_registers(hart))
        hart.call_began = Virtual(0)
        self.engine.write_x(calls.form.operation, result)
        self.engine.retired(before, word, hart.pc)

    def follow_status(self) -> None:
        """Follow what the status enables by now."""
        enabled = self.system.float_enabled(self.hart)
        if enabled != self.float_on:
            self.float_on = enabled
            self.engine.enable_float(enabled)
        self._arm_timer()

    def _take(self, trap: Trap, begun: bool = True, entered: bool = True) -> None:
        """Enter the handler; an instruction that traps does not retire.

        begun: it was fetched. entered: it is in the current block.
        """
        self.hart.instructions -= 1
        if entered:
            self.left_blocks.leave(trap.pc, trapped=begun)
        self.seen_traps.look(trap)
        self.unsupported.look(trap)
        if self.zeros is not None:
            self.zeros.look(trap)
        self.system.take_trap(self.hart, trap)
        handler = self.hart.pc
        self.lifecycle.tell("plugin_trap", int(trap.cause), trap.pc, False)
        if self.hart.pc != handler:  # a plugin lets the guest go on elsewhere
            self.trap_loops.forget()

    def _trap(self, left: Exit) -> None:
        assert left.fault is not None
        self.hart.instructions += 1  # the engine took it back already, and so will _take
        fetched = left.fault not in (MemoryFault.FETCH, MemoryFault.FETCH_PAGE)
        # of one that goes over a page's end only the other half may be missing
        entered = fetched or left.address != left.pc
        self._take(self.system.fault(left.fault, left.pc, left.address), fetched, entered)

    def _fetch_fault(self, left: Exit) -> None:
        self.hart.instructions += 1  # nothing was fetched, so nothing was counted
        trap = self.system.fault(MemoryFault.FETCH, left.pc, left.address)
        self._take(trap, begun=False, entered=False)

    def _other_version(self, left: Exit) -> None:
        """Go on with the current block in another version: the rest of it is run there."""
        self.left_blocks.leave(left.pc)
        self.engine.fetch_other_version()
        self.left_blocks.count_rest(1)

    def _callback(self, left: Exit) -> None:
        """A callback failed, which stops the machine, or moved pc, or the hart is to stop there."""
        stopped = self.stops.stop(left.pc)
        if stopped and left.left_at == left.pc:
            self.engine.resume(left.pc, passed=True)
        elif left.left_at is not None:
            self.left_blocks.leave(left.left_at)

    def _access(self, left: Exit) -> None:
        """Run a load or store that is not plain RAM."""
        facts = self.isa.code.facts(left.word)
        access = facts.access
        assert access is not None
        address = Virtual(self.engine.read_x(access.base) + access.displacement & (1 << 64) - 1)
        self.hart.instructions += 1
        if access.size > WIDEST:
            refused = zero_block(self.engine, self.ram, left, access, address)
            if refused is not None:
                self._take(self.system.fault(refused.fault, left.pc, refused.address))
            return
        places = find_places(self.engine, address, access.size, access.stores)
        if isinstance(places, AccessRefused):
            self._take(self.system.fault(places.fault, left.pc, places.address))
            return
        found = self.devices.find(places[0].address, access.size) if len(places) == 1 else None
        if found is None and not all(self.ram.range.holds(*place) for place in places):
            fault = MemoryFault.STORE if access.stores else MemoryFault.LOAD
            self._take(self.system.fault(fault, left.pc, address))
            return
        made = store if access.stores else load
        value = made(self.engine, self.ram, left.pc, access, address, (found, places))
        self.hart.pc = Virtual(left.pc + facts.length)
        self.engine.retired(left.pc, left.word, self.hart.pc)
        self.engine.resume(self.hart.pc)
        if found is not None:
            told = (found[0].name, address, access.size, value, access.stores)
            self.lifecycle.tell("plugin_mmio", *told, pc=left.pc)
            self.device_events.accessed(left.pc)

    def wait(self) -> None:
        """Sleep until an interrupt is pending that ends the wait."""
        hart, machine = self.hart, self.machine
        if not self.system.wakes(hart, machine):
            self.sleep(lambda: self.system.wakes(hart, machine), lambda: self.system.deadline(hart))

    def sleep(self, until: Callable[[], bool], deadline: Callable[[], int]) -> None:
        """Sleep until something is so, which is looked at on each request and at a deadline."""
        hart, machine = self.hart, self.machine
        self.stopwatch.was_running()
        self.engine.spill()
        self.lifecycle.tell("plugin_vcpu_idle")
        hart.state = Activity.IDLE
        os.eventfd_write(self.notice_fd, 1)
        if self.turns is not None:
            self.turns.sleep(until)
        while not (machine.stopping or until()):
            due = deadline()
            limit = seconds_until(due, machine) if due != NEVER else LONGEST_SLEEP
            self._wait_for_request(limit)
            if hart.request:
                self._serve_requests_asleep()
        hart.state = Activity.RUNNING
        self.stopwatch.was_idle()
        self.lifecycle.tell("plugin_vcpu_resume")

    def _serve_requests_asleep(self) -> None:
        """As `_serve_requests`, but the time since was idle."""
        self.stopwatch.was_idle()
        self._serve_requests()
