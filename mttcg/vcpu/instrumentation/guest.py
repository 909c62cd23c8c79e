"""The guest as plugins see it: declarations before the start, changes and events during the run."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from mttcg.engine.base import Engine
from mttcg.errors import MttcgError
from mttcg.instrument.api import session
from mttcg.instrument.api.changes import Attachment, Change, Where, from_text, to_text
from mttcg.instrument.api.cpu import CallbackPhase, Cpu
from mttcg.instrument.api.targets import Counter, Stream, VcpuWords, counted
from mttcg.instrument.api.ticket import Ticket
from mttcg.instrument.errors import (
    CallbackError,
    DeclarationError,
    NoKernelError,
    NotRamError,
)
from mttcg.instrument.loading.loader import describe_failure
from mttcg.instrument.loading.plugin_functions import sees_the_guest
from mttcg.instrument.native import clock
from mttcg.instrument.plan.plan import FollowedCounter, Plan
from mttcg.instrument.plan.registry import Callback, Registry
from mttcg.instrument.program.guest_isa import guest_isa
from mttcg.instrument.program.reach import Reach
from mttcg.isa.base import Isa
from mttcg.isa.context import Scope
from mttcg.linux.kernel_facts import KernelFacts
from mttcg.memory.address import HostAddress, Physical, Virtual
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import VcpuState
from mttcg.vcpu.instrumentation.callback_values import HALF_DONE, SEEN
from mttcg.vcpu.instrumentation.chosen_processes import SWITCH, ChosenProcesses, FoundProcesses
from mttcg.vcpu.instrumentation.costs import Costs, now
from mttcg.vcpu.instrumentation.exchange import ChangeExchange
from mttcg.vcpu.instrumentation.followed import FollowedCounters
from mttcg.vcpu.instrumentation.guest_instructions import GuestInstructions
from mttcg.vcpu.instrumentation.processes import ProcessesOfVcpu
from mttcg.vcpu.instrumentation.program_files import ProgramFiles
from mttcg.vcpu.instrumentation.program_limit import ProgramLimit
from mttcg.vcpu.instrumentation.returns import Returns, check_returns
from mttcg.vcpu.instrumentation.rings import Emitters
from mttcg.vcpu.instrumentation.virtual_memory import VirtualMemory
from mttcg.vcpu.instrumentation.watchpoints import OwnWords
from mttcg.vcpu.machine.shared import context_address
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.vcpu_messages import VcpuWarning


def no_processes(*_asked: object) -> NoReturn:
    """Raise NoKernelError: what the guest's system has is asked for before it runs."""
    raise NoKernelError("the guest has not started")


class Declarations:
    """The guest before the vCPUs exist: plugins declare what they need and attach first things.

    Args:
        symbols: addresses by name.
        count: of vCPUs.
        reach: where code can be; None if anywhere.

    Attributes:
        first_reading: of the clocks, when the first stream was declared; the rate is known by it.
        warnings: what was attached where nothing may ever run, in words.
    """

    def __init__(self, symbols: dict[str, Virtual], count: int, reach: Reach | None = None) -> None:
        self.symbols, self.count, self.reach = symbols, count, reach
        self.warnings: list[str] = []
        self.doubted: set[tuple[str, Any]] = set()
        self.first_reading: clock.ClockReading | None = None
        self.things: dict[tuple[str, str], VcpuWords | Stream] = {}
        self.registry = Registry(machinery=self)  # type: ignore[arg-type]
        self.found = FoundProcesses(count)
        self.processes = self.areas = self.module_symbols = no_processes
        self.mapped_file = self.program_symbol = no_processes

    @property
    def levels(self) -> Mapping[str, int]:
        """Levels of privilege, by name."""
        return guest_isa().system.levels

    def declare(self, plugin: str, thing: Any) -> None:
        """Make a note of words or a stream."""
        if (plugin, thing.name) in self.things:
            raise DeclarationError(f"{plugin}.{thing.name}", "is declared twice")
        self.things[plugin, thing.name] = thing
        if isinstance(thing, Stream) and self.first_reading is None:
            self.first_reading = clock.look()

    def change(self, change: Change) -> Ticket:
        """Attach or take away, for when the vCPUs start."""
        check_returns(change.attachment)
        if change.attachment.process is not None and SWITCH not in self.symbols:
            raise NoKernelError(f"it has no {SWITCH}, at which processes are known")
        self.warnings += self.doubts(change)
        self.registry.apply(change)
        return Ticket()

    def doubts(self, change: Change) -> list[str]:
        """The warning of what is attached where no code may ever run, once a kind of place."""
        plugin, pc = change.attachment.plugin, change.attachment.pc
        if self.reach is None or pc is None or not change.add:
            return []
        doubt = self.reach.doubt(pc)
        if doubt is None or (plugin, doubt[0]) in self.doubted:
            return []
        self.doubted.add((plugin, doubt[0]))
        return [f"plugin {plugin} attaches at {pc:#x}, {doubt[1]}"]

    def vcpu_words(self, declared: VcpuWords, cpu: int) -> Any:
        """Nothing was counted yet; scoreboards get their memory when the guest starts."""
        raise DeclarationError(declared.name, "has no values before the guest starts")

    def counter_value(self, counter: Counter, cpu: int) -> int:
        """Nothing was counted yet."""
        return int(self.vcpu_words(counter, cpu))

    def emit(self, stream: Stream, cpu: int, records: Any) -> None:
        """Refuse; rings exist when the guest starts."""
        raise DeclarationError(stream.name, "takes no records before the guest starts")


@dataclass
class GuestOfVcpu:
    """The guest in a vCPU process: also the machinery behind its registry.

    `failed` is called with the error of a plugin's function.
    `costs`: where what those cost is booked, if it is to be. `kernel`: what is known of the guest's
    kernel, or why nothing is. `for_program`: whether plugins see one program in it alone.
    `program`: the file of that, if its functions have names. `sysroot`: folder with files of its
    programs.
    `on_stop`: called where the hart is to stop for a debugger.
    """

    index: int
    isa: Isa
    harts: Sequence[VcpuState]
    plugins: dict[str, Any]
    declarations: Declarations
    emitters: Emitters
    scoreboards: Callable[[VcpuWords, int], Any]
    channel: Channel
    ram: GuestRam
    failed: Callable[[CallbackError], None]
    costs: Costs | None = None
    kernel: KernelFacts | str = "the guest is no kernel"
    for_program: bool = False
    program: Path | None = None
    sysroot: Path | None = None
    on_stop: Callable[[Attachment, Virtual], None] = field(init=False)
    engine: Engine = field(init=False)
    hart: VcpuState = field(init=False)
    applied: int = 0
    in_force: int = -1
    inside: bool = False
    moved: bool = False

    def __post_init__(self) -> None:
        """Take the registry over from before the fork."""
        self.hart = self.harts[self.index]
        self.context_address = context_address(self.hart)
        self.followed = FollowedCounters(
            self.hart, self.isa.system, lambda counter: self.scoreboards(counter, self.index)
        )
        self.memory = VirtualMemory(self.ram, self.isa.system)
        self.registry = self.declarations.registry
        self.registry.become(self.index, self, list(self.plugins))
        self.chosen = ChosenProcesses(self, self.declarations.found)
        code = GuestInstructions(self.isa.code, self.read_memory, self.symbols)
        self.processes_seen = ProcessesOfVcpu(self)
        self.processes = self.processes_seen.listed
        self.areas = self.processes_seen.areas
        self.module_symbols = self.processes_seen.module_symbols
        files = ProgramFiles(self.processes_seen, self.sysroot)
        self.mapped_file, self.program_symbol = files.file, files.symbol
        current = self.processes_seen.current
        self.cpu = Cpu(self.index, len(self.harts), self, self.isa.registers, code.at, current)
        self.returns = Returns(self)
        self.exchange = ChangeExchange(
            self.index, self.channel, self.harts, self._decode, self.apply
        )
        self.limit = ProgramLimit(self) if self.for_program else None
        if self.limit is not None:
            self.limit.begin()
        self.chosen.begin()

    def connect(self, engine: Engine) -> None:
        """Use this engine: it is made after the guest, as it asks the guest about blocks."""
        self.engine = engine

    @property
    def symbols(self) -> dict[str, Virtual]:
        """Addresses of the guest file's symbols, by name."""
        return self.declarations.symbols

    @property
    def count(self) -> int:
        """How many vCPUs there are."""
        return len(self.harts)

    @property
    def levels(self) -> Mapping[str, int]:
        """Levels of privilege, by name."""
        return self.isa.system.levels

    def declare(self, plugin: str, thing: Any) -> None:
        """Refuse; what needs shared memory is declared before the guest starts."""
        raise DeclarationError(thing.name, "is declared too late; declare it in plugin_init")

    def change(self, change: Change) -> Ticket:
        """Attach or take away: here with the next block, elsewhere by way of the supervisor."""
        attachment = change.attachment
        check_returns(attachment)
        for warning in self.declarations.doubts(change):
            self.exchange.tell(VcpuWarning(warning))
        if attachment.cpu == self.index:
            self.apply(change)
            number = self.applied
            return Ticket(lambda: self.in_force >= number)
        text = to_text(change, self.plugins[attachment.plugin])
        if attachment.concerns(self.index):
            self.apply(change)
        return self.exchange.send(change, text)

    def receive_changes(self) -> int:
        """Take up the changes that the supervisor sent; the newest epoch, 0 if there was none."""
        return self.exchange.take_up()

    def _decode(self, text: str) -> Change | None:
        return from_text(text, self.plugins, self.declarations.things)

    def apply(self, change: Change) -> None:
        """Make a change; it is in force from the next block on."""
        if self.limit is not None:
            within = self.limit.limited(change)
            if within is None:
                return
            change = within
        if self.chosen.apply(change):
            self.applied += 1
            self.hart.request = 1

    def idle_plugins(self) -> tuple[str, ...]:
        """The plugins that have never attached anything here, and are not called otherwise."""
        return tuple(
            name
            for name, plugin in self.plugins.items()
            if name not in self.registry.attached and not sees_the_guest(vars(plugin.module))
        )

    def take_plan(self) -> Plan | None:
        """The plan, if it is another than the last one taken; it has to be put in force now."""
        if self.in_force == self.applied:
            return None
        self.in_force = self.applied
        return self.registry.plan()

    def emit(self, stream: Stream, cpu: int, records: Any) -> None:
        """Put records into this vCPU's ring."""
        if cpu != self.index:
            raise DeclarationError(stream.name, f"vCPU {self.index} can't emit for vCPU {cpu}")
        self.emitters.append(stream, records)

    def emitter(self, stream: Stream, cpu: int) -> HostAddress:
        """Address of the stream's native emitter."""
        return self.emitters.address(stream)

    def vcpu_words(self, declared: VcpuWords, cpu: int) -> Any:
        """What a vCPU has of declared words; raises DeclarationError if there is no such vCPU."""
        if isinstance(declared, OwnWords):
            return declared.array
        if not 0 <= cpu < len(self.harts):
            raise DeclarationError(declared.name, f"there is no vCPU {cpu}")
        return self.scoreboards(declared, cpu)

    def counter_value(self, counter: Counter, cpu: int) -> int:
        """What a Counter has counted on a vCPU."""
        words = self.vcpu_words(counter, cpu)
        return counted(words, self.harts[cpu].instructions, self.harts[cpu].blocks)

    def start_counting(self, counter: Counter, where: Where, scope: Scope) -> FollowedCounter:
        """Let a Counter of everything in a scope follow the hart's own count from here on."""
        return self.followed.start(counter, where, scope)

    def stop_counting(self, counter: Counter, where: Where) -> None:
        """Add what was counted since, and follow no longer."""
        self.followed.stop(counter, where)

    @property
    def context(self) -> int:
        """The hart's, as of the last time that it ran guest code."""
        return self.hart.context

    def read_x(self, register: int) -> int:
        """An integer register, exact in a callback."""
        return int(self.engine.read_x(register))

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register."""
        self.engine.write_x(register, value)

    def read_f(self, register: int) -> int:
        """A floating-point register's bits."""
        return int(self.engine.read_f(register))

    def write_f(self, register: int, value: int) -> None:
        """Write a floating-point register's bits."""
        self.engine.write_f(register, value)

    def move(self, pc: Virtual) -> None:
        """Go on at another pc when the callback, or lifecycle function, returns."""
        if not self.inside:
            self.hart.pc = pc
            return
        self.moved = True
        self.engine.move(pc)

    def read_memory(self, address: Virtual, size: int) -> bytes:
        """Bytes of RAM; raises NotRamError."""
        return self.memory.read(places_of(self, address, size))

    def write_memory(self, address: Virtual, data: bytes) -> None:
        """Write bytes of RAM; raises NotRamError."""
        # every vCPU may write here as well: what is to be seen whole is the plugin's to arrange
        self.memory.write(places_of(self, address, len(data)), data)

    def physical(self, address: Virtual) -> Physical:
        """The physical address of a virtual one, as the hart sees it; raises NotRamError."""
        found = self.memory.physical(self.hart, address)
        if found is None:
            raise NotRamError(address, 1)
        return found

    def call_python(self, callback: Callback, arguments: tuple[int, ...]) -> None:
        """Call a Python function attached to something, with exact registers."""
        attachment = callback.attachment
        pc, where = Virtual(arguments[0]), attachment.where
        if where is Where.STOP:
            self.on_stop(attachment, pc)
            return
        if where is Where.SWITCH:
            self.chosen.meet(attachment, pc)
            return
        if where is Where.RETURN:
            self.returns.enter(attachment, callback)
            return
        if where is Where.RETURN_SITE:
            self.returns.leave(attachment.plugin, pc)
            return
        seen = (SEEN[where](arguments),) if where in SEEN else ()
        given = (self.cpu, *seen, attachment.opaque)
        self.call_attached(callback, attachment.target, given, pc)

    def call_attached(
        self, callback: Callback, function: Any, given: tuple[Any, ...], pc: Virtual
    ) -> tuple[Any] | None:
        """Call a function of an attachment: as of `call`, but None if it moved pc, too."""
        attachment = callback.attachment
        half_done = attachment.where in HALF_DONE
        phase = HALF_DONE.get(attachment.where, CallbackPhase.EXACT)
        self.hart.callbacks += 1
        callback.calls += 1
        self.moved, self.inside = False, True
        answer = self.call(attachment.plugin, function, *given, phase=phase, pc=pc)
        self.inside = False
        if self.costs is not None:
            callback.nanoseconds += self.costs.latest
        if answer is None or self.moved:
            self.engine.stop_for_callback(pc, half_done=half_done)
            return None
        return answer

    def call(
        self, plugin: str, function: Any, *arguments: Any, phase: str, pc: Virtual
    ) -> tuple[Any] | None:
        """Call a plugin's function: its result in a tuple, or None if it raised, which is booked.

        A plugin may raise anything, and what it raises must not reach the native code below.
        """
        # no context managers: they would double what a callback costs
        token, before = session.begin_call(plugin), self.cpu.open(phase, pc)
        began = now() if self.costs is not None else 0
        try:
            return (function(*arguments),)
        except MttcgError as error:
            file = getattr(self.plugins[plugin].module, "__file__", None)
            refused = describe_failure(error, file or "")
            self.failed(CallbackError(plugin, self.index, pc, refused))
            return None
        except BaseException:
            trace = traceback.format_exc(limit=-8)
            self.failed(CallbackError(plugin, self.index, pc, trace))
            return None
        finally:
            if self.costs is not None:
                self.costs.add(plugin, began)
            self.cpu.close(before)
            session.end_call(token)


def places_of(guest: GuestOfVcpu, address: Virtual, size: int) -> list[tuple[Physical, int]]:
    """Where bytes that a vCPU sees are in RAM; raises NotRamError."""
    found = None if size < 0 else guest.memory.find(guest.hart, address, size)
    if found is None:
        raise NotRamError(address, size)
    return found
