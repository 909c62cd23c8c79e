"""One vCPU process, from the fork to its end: it maps the segments and runs its `Vcpu`."""

import os
import socket
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mttcg.config import Config
from mttcg.engine.base import Discover, Engine, Memory, NativeDevices
from mttcg.engine.unicorn.left_to_host import left_to_host
from mttcg.errors import EXIT_FAULT, UserError
from mttcg.firmware.firmware import Firmware
from mttcg.firmware.registry import native_firmware_of
from mttcg.hardware.board import Wiring
from mttcg.hardware.boards import board_named
from mttcg.hardware.mmio import MmioMap
from mttcg.instrument.api import session
from mttcg.instrument.api.targets import BlockTable
from mttcg.instrument.errors import CallbackError
from mttcg.instrument.loading.loader import Plugin
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.code import Missing
from mttcg.isa.registry import isa_named
from mttcg.isa.targets import disassemble_absolute
from mttcg.linux.kernel_facts import KernelFacts
from mttcg.memory.address import HostAddress, PhysicalPage, Virtual
from mttcg.memory.host import address_of_buffer
from mttcg.memory.native_registers import WITHOUT_INTERRUPTS, PlacedRegisters
from mttcg.memory.ram import GuestRam, RamRange
from mttcg.processes.firmware_ports import make_firmware
from mttcg.processes.notified_back_end import back_ends, bells_of
from mttcg.processes.printing import print_beside
from mttcg.processes.probe_faults import ProbeFaults
from mttcg.processes.progress import look_for_progress
from mttcg.processes.scoreboards import MappedScoreboards
from mttcg.processes.segments import fixed_sizes, map_segment
from mttcg.processes.translator_link import LinkToTranslator
from mttcg.processes.trap_loops import facts_of
from mttcg.processes.turn_inputs import let_take_turns
from mttcg.processes.vcpu_plugins import VcpuPlugins
from mttcg.state.samples import Samples
from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.tbcache.cache import Block, BlockCache
from mttcg.vcpu.beginning import begin
from mttcg.vcpu.host.host_calls import CallingHost, HostCalls, host_calls
from mttcg.vcpu.instrumentation.costs import Costs
from mttcg.vcpu.instrumentation.device_events import claims, stops_waiting
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu
from mttcg.vcpu.instrumentation.rings import Emitters
from mttcg.vcpu.instrumentation.tables import table_records
from mttcg.vcpu.machine.console_ends import ConsoleEnds
from mttcg.vcpu.machine.interrupt_ports import SharedClock, inputs_of
from mttcg.vcpu.machine.shared import Ending, Harts, MachineState, context_address
from mttcg.vcpu.nowhere.trap_loops import TrapLoop
from mttcg.vcpu.nowhere.unsupported_places import MOST_PLACES
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import Start
from mttcg.vcpu.protocol.vcpu_messages import (
    NothingAttached,
    UnsupportedFound,
    VcpuFailure,
    VcpuWarning,
)
from mttcg.vcpu.turn_taking import run
from mttcg.vcpu.vcpu import Vcpu
from mttcg_bus.host.limits import check_memory_room, host_refusal

if TYPE_CHECKING:
    from mttcg.engine.llvm.kept.keeper import OpenedStore
    from mttcg.engine.tracking.tracking import StoreTracking

NATIVE_ROOM = 192 << 20
"""Bytes to have when the guest begins: LLVM ends the process where it finds no memory."""


class VcpuProcess:
    """What one vCPU process has mapped and made.

    Args:
        index: the vCPU.
        config: of the run.
        message: what the supervisor said at the start.
        descriptors: those that came with it.
        context: declarations, plugins and the log of transfers from before the fork.
        channel: to the supervisor.
        opened: code of earlier runs, if there is to be some.
    """

    def __init__(
        self,
        index: int,
        config: Config,
        message: Start,
        descriptors: list[int],
        context: Any,
        channel: Channel,
        opened: "OpenedStore | None" = None,
    ) -> None:
        self.opened = opened
        self.index, self.config, self.message, self.channel = index, config, message, channel
        self.isa = isa_named(message.isa)
        self.fds = dict(zip(message.descriptors, descriptors, strict=True))
        self.declarations, self.plugins, self.transfers = context
        self.board = board = board_named(message.board)
        sizes = fixed_sizes(config, board.state_bytes)
        self.maps = {name: map_segment(self.fds[name], size) for name, size in sizes.items()}
        self.machine = MachineState(self.maps["machine"], board.timebase)
        wake_fds = [self.fds[f"wake{cpu}"] for cpu in range(config.smp)]
        self.harts = Harts(self.maps["harts"], wake_fds, self.machine, self.isa.system)
        self._leave_others()
        self.ram = np.frombuffer(self.maps["ram"], dtype=np.uint8)
        self.cache = BlockCache(
            self.maps["cache"],
            self.fds["cache"],
            self.ram,
            board.ram_base,
            index,
            self.isa.code,
            left_to_host(self.isa),
        )
        self.tracking = self._track_stores()
        self.scoreboards = MappedScoreboards(
            {
                (plugin, name): self.fds[f"scoreboard {plugin}.{name}"]
                for plugin, name in message.scoreboards
            }
        )
        self.emitters = Emitters(
            index,
            {
                (plugin, name): self.fds[f"ring {plugin}.{name} {index}"]
                for plugin, name in message.streams
            },
            self.fds["doorbell"],
            self.fds[f"space{index}"],
            lambda: self.machine.stopping,
            context_address(self.harts.harts[index]),
        )
        print_beside(self.machine)
        self.guest: GuestOfVcpu | None = None
        self.vcpu: Vcpu | None = None
        self.failed = False

    def _track_stores(self) -> "StoreTracking":
        """Have stores to code tracked, in place of comparing all code when the guest asks."""
        from mttcg.engine.tracking.tracking import StoreTracking, TrackedHarts

        ram, harts = (address_of_buffer(self.maps[name]) for name in ("ram", "harts"))
        tracked = TrackedHarts.at(harts, self.index, self.config.smp)
        tracking = StoreTracking(self.maps["tracking"], self.cache, ram, self.index, tracked)
        self.cache.changes = tracking
        return tracking

    def _leave_others(self) -> None:
        """Close what is the others' alone: their end is to be its end, files are the devices'."""
        for name in self.message.descriptors:
            if name.startswith(("file ", "overlay ")):
                os.close(self.fds.pop(name))
        for cpu in range(self.config.smp):
            os.close(self.fds[f"translator{cpu}"])
            if cpu != self.index:
                os.close(self.fds[f"vcpu{cpu}"])
                os.close(self.fds[f"asking{cpu}"])
                for plugin, name in self.message.streams:
                    os.close(self.fds.pop(f"ring {plugin}.{name} {cpu}"))

    def devices(self) -> MmioMap:
        """The board's devices, connected to this process."""
        is_over, activity = stops_waiting(lambda: self.vcpu), self.machine.devices
        self.backends = back_ends(self.board, self.fds, is_over, activity)
        wiring = Wiring(
            ram=GuestRam(self.board.ram_base, self.maps["ram"]),
            harts=inputs_of(self.harts),
            clock=SharedClock(self.harts),
            console=ConsoleEnds(self.fds["console_output"], self.fds["console_input"]),
            finish=self.finish,
            state=self.machine.device_state,
            notify=lambda: os.eventfd_write(self.fds["notice"], 1),
            say=self._warn,
            backends=self.backends,
            claimed=claims(lambda: self.vcpu),
            real_time=self.machine.real_time,
        )
        return self.board.place(wiring, self.message.device_symbols)

    def _native_devices(self) -> NativeDevices:
        """What of the devices native code may do by itself."""
        return NativeDevices(
            registers=self._native_registers(),
            harts=HostAddress(address_of_buffer(self.maps["harts"])),
            wake_fds=tuple(self.harts.wake_fds),
            console=self.fds["console_output"],
            input=self.fds["console_input"],
            input_began=self.machine.input_began,
            bells=bells_of(self.board, self.fds),
            firmware=native_firmware(self.config, self.message, self.isa.name),
        )

    def _native_registers(self) -> tuple[PlacedRegisters, ...]:
        """Registers that native code answers; in turns none of which an interrupt may come."""
        placed = self.board.native_registers(
            self.machine.device_state, self.harts.count, self.message.device_symbols
        )
        if not self.config.deterministic:
            return tuple(placed)
        return tuple(each for each in placed if each.registers.kind in WITHOUT_INTERRUPTS)

    def _make_firmware(self, ram: GuestRam) -> Firmware | None:
        """What answers the guest's calls; None if it brings its own, or needs none."""
        if not self.message.below_firmware:
            return None
        console = ConsoleEnds(self.fds["console_output"], self.fds["console_input"])
        harts, lock = self.harts, self.fds["harts"]
        ends = console, self.finish, self._warn, self._ask_for_fences
        return make_firmware(self.isa.name, self.index, harts, lock, ram, *ends)

    def _ask_for_fences(self, harts: Iterable[int], translations: bool, code: bool) -> None:
        assert self.vcpu is not None, "a guest that calls is run by it"
        self.vcpu.fences.ask(harts, translations, code)

    def finish(self, status: int) -> None:
        """The guest ends itself."""
        self.stop(Ending.GUEST, status)

    def stop(self, ending: Ending, status: int = 0) -> None:
        """Stop every vCPU."""
        self.machine.stop(ending, status)
        self.harts.request_all()
        os.eventfd_write(self.fds["notice"], 1)

    def callback_failed(self, error: CallbackError) -> None:
        """A plugin's function raised: the guest is stopped in order, and the run says why.

        What fails after that, while this vCPU leaves, is mostly the same again.
        """
        if not self.failed:
            self.failed = True
            self.channel.send(VcpuFailure(str(error), Ending.CALLBACK))
        self.stop(Ending.CALLBACK)

    def fault(self, error: BaseException) -> None:
        """This process can't go on: the guest is stopped, and the run says why."""
        self.failed = True
        self.channel.send(fault_of(self.index, error, f" near pc {self.hart.last_pc:#x}"))
        self.stop(Ending.FAULT)

    @property
    def hart(self) -> VcpuState:
        """The hart of this process."""
        return self.harts.harts[self.index]

    def run(self) -> None:
        """Run the vCPU until the machine stops."""
        ram = GuestRam(self.board.ram_base, self.maps["ram"])
        self.guest = guest = GuestOfVcpu(
            index=self.index,
            isa=self.isa,
            harts=self.harts.harts,
            plugins=self.plugins,
            declarations=self.declarations,
            emitters=self.emitters,
            scoreboards=self.scoreboards.words,
            channel=self.channel,
            ram=ram,
            failed=self.callback_failed,
            costs=Costs() if self.config.control else None,
            kernel=self._kernel(),
            for_program=self.config.for_program,
            program=self.config.program,
            sysroot=self.config.sysroot,
        )
        session.set_guest(guest)
        devices = self.devices()
        memory = self._memory(ram, devices)
        self.vcpu = vcpu = Vcpu(
            self.index,
            self.isa,
            self.harts,
            self.machine,
            devices,
            ram,
            guest,
            lambda discover: self._make_engine(memory, discover),
            self.fds["notice"],
            self._tell_trap_loop,
            self._tell_unsupported,
            self._make_firmware(ram),
        )
        vcpu.device_events.connect(self.transfers, self.board.sources())
        vcpu.host_calls = self._host_calls(guest, vcpu)
        look_for_progress(vcpu, guest.read_memory, self.channel.send, self._instruction_at)
        plugins = VcpuPlugins(
            guest,
            vcpu,
            self.scoreboards,
            self.emitters,
            self.channel,
            self.exit_plugin,
            self._emit_table,
        )
        guest.exchange.serve(plugins.orders | vcpu.stops.orders)
        self.faults = ProbeFaults(guest.registry, self.scoreboards, self._probe_failed)
        self.faults.watch()
        check_memory_room(NATIVE_ROOM, "for translations")
        places = devices, self.backends, self.board
        let_take_turns(vcpu, self.harts, self.config, places, self.fds, self.channel)
        begin(vcpu, self.message)
        run(vcpu)
        if self.tracking.warning:
            self._warn(self.tracking.warning)

    def _kernel(self) -> KernelFacts | str:
        """What is known of the guest's kernel, or why nothing is."""
        plain = self.message.kernel
        return self.message.kernel_unknown if plain is None else KernelFacts.from_plain(plain)

    def _memory(self, ram: GuestRam, devices: MmioMap) -> Memory:
        """What an engine has to know of what is mapped."""
        return Memory(
            ram=address_of_buffer(self.maps["ram"]),
            ram_base=ram.base,
            ram_size=ram.size,
            cache=address_of_buffer(self.maps["cache"]),
            clock_origin=self.machine.clock_origin,
            timebase=self.machine.timebase,
            device_pages=device_pages(devices, ram.range),
            devices=self._native_devices(),
        )

    def _host_calls(self, guest: GuestOfVcpu, vcpu: Vcpu) -> HostCalls | None:
        ends = ConsoleEnds(self.fds["console_output"], self.fds["console_input"])
        host = CallingHost(guest, self.machine, ends.send, ends.input, self.finish, vcpu.wait_for)
        return host_calls(self.isa.system.host_call, host, self.message.program)

    def _probe_failed(self, text: str) -> None:
        """Say so: the process is about to end."""
        where = f"vCPU {self.index} near pc {self.hart.last_pc:#x}"
        self.channel.send(VcpuFailure(f"{where}: {text}", Ending.FAULT))

    def _warn(self, text: str) -> None:
        self.channel.send(VcpuWarning(text))

    def _tell_trap_loop(self, loop: TrapLoop) -> None:
        self.channel.send(facts_of(loop, self.isa.system, self._instruction_at))

    def _tell_unsupported(self, found: Missing | None, pc: Virtual) -> None:
        if found is None:
            where = f"vCPU {self.index} met instructions that are not supported at more places"
            self._warn(f"{where} than the {MOST_PLACES} that are listed")
        else:
            self.channel.send(UnsupportedFound(found.name, found.extension, pc))

    def _instruction_at(self, pc: Virtual) -> str:
        """The text of the instruction at a pc, "" where there is no RAM."""
        ram = self.cache.ram_range
        address = None if self.guest is None else self.guest.memory.physical(self.hart, pc)
        if address is None or not ram.holds(address):
            return ""
        at = ram.offset_of(address)
        code = self.ram[at : at + self.isa.code.longest].tobytes()
        text = disassemble_absolute(self.isa.code, code, pc)[0][2]
        extensions = self.isa.system.extensions[self.config.engine_name]
        missing = self.isa.code.missing(int.from_bytes(code, "little"), extensions)
        if missing is not None and text.startswith(".insn"):
            return f"{missing.name} of {missing.extension}"
        return text

    def _engine_state(self) -> Any:
        """The hart's state, which an engine takes for that of an ISA that it has."""
        return self.hart

    def _make_engine(self, memory: Memory, discover: Discover) -> Engine:
        """The engine that was asked for."""
        make = {"unicorn": self._make_unicorn, "llvm": self._make_llvm}[self.config.engine_name]
        return make(memory, discover)

    def _make_unicorn(self, memory: Memory, discover: Discover) -> Engine:
        from mttcg.engine.unicorn.engine import UnicornEngine
        from mttcg.engine.unicorn.unicorn_isa import unicorn_isa

        limits = unicorn_isa(self.isa).make_limits(self._warn)

        def look_first(block: Block) -> Plan | None:
            limits.look(block.instructions["word"])
            return discover(block)

        return UnicornEngine(memory, self._engine_state(), self.cache, look_first, self.isa)

    def _make_llvm(self, memory: Memory, discover: Discover) -> Engine:
        from mttcg.engine.llvm.arena import Arena
        from mttcg.engine.llvm.engine import LlvmEngine
        from mttcg.engine.llvm.fallback import FallbackEngine
        from mttcg.processes.translator_process import ask_to_leave

        arena = Arena(
            self.fds["arena"], self.config.code_cache, lambda cpu: ask_to_leave(self.harts, cpu)
        )
        asking = Channel(socket.socket(fileno=self.fds[f"asking{self.index}"]))
        engine = LlvmEngine(
            self.isa,
            memory,
            self._engine_state(),
            self.cache,
            arena,
            discover,
            self.maps["records"],
            Samples(self.maps["samples"], self.config.smp),
            LinkToTranslator(asking, memory.device_pages),
            None if self.opened is None else self.opened.kept,
        )
        return FallbackEngine(engine, self.isa)

    def leave(self) -> None:
        """Hand over what was counted, and let the plugins end."""
        if self.guest is not None and (idle := self.guest.idle_plugins()):
            self.channel.send(NothingAttached(idle))
        self._emit_tables()
        for plugin in self.plugins.values():
            self.exit_plugin(plugin)

    def exit_plugin(self, plugin: Plugin) -> None:
        """Run a plugin's plugin_exit if it has one."""
        leave = getattr(plugin.module, "plugin_exit", None)
        if leave is not None and self.guest is not None:
            pc = self.hart.pc
            self.guest.call(plugin.name, leave, phase="outside of a vCPU", pc=pc)

    def _emit_tables(self) -> None:
        for thing in self.declarations.things.values():
            if isinstance(thing, BlockTable):
                self._emit_table(thing)

    def _emit_table(self, table: BlockTable) -> None:
        words = self.scoreboards.words(table, self.index)
        records = table_records(words, self.cache, table.stream.dtype)
        self.emitters.append(table.stream, records)


def native_firmware(config: Config, message: Start, isa: str) -> tuple[str, str] | None:
    """Native code that answers calls; in turns the host does all, and looks what came of it."""
    if not message.below_firmware or config.deterministic:
        return None
    return native_firmware_of(isa)


def device_pages(devices: MmioMap, ram: RamRange) -> tuple[PhysicalPage, ...]:
    """The pages of RAM in which a device lies."""
    return tuple(
        page
        for placed in devices.ranges()
        if placed.device.in_ram
        for page in ram.pages_of(placed.base, placed.size)
    )


def fault_of(index: int, error: BaseException, place: str = "") -> VcpuFailure:
    """What the supervisor is told of a vCPU that can't go on; of what the user can mend a line."""
    if refused := host_refusal(error):
        text = f"vCPU {index}{place}: {refused}"
        return VcpuFailure(text, Ending.FAULT, limit=True)
    if isinstance(error, UserError):
        return VcpuFailure(f"vCPU {index}: {error}", Ending.FAULT)
    trace = "".join(traceback.format_exception(error)).rstrip()
    text = f"vCPU {index}: a fault{place}\n{trace}"
    return VcpuFailure(text, Ending.FAULT)


def main(
    index: int,
    config: Config,
    message: Start,
    descriptors: list[int],
    context: Any,
    opened: "OpenedStore | None" = None,
) -> int:
    """Be vCPU `index`; the process's exit status."""
    if config.pin:
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[index % len(allowed)]})
    place = message.descriptors.index(f"vcpu{index}")
    channel = Channel(socket.socket(fileno=descriptors[place]))
    try:
        what = config, message, descriptors, context, channel, opened
        process = VcpuProcess(index, *what)
    except BaseException as error:
        channel.send(fault_of(index, error))
        return EXIT_FAULT
    for part in (process.run, process.leave):
        try:
            part()
        except BaseException as error:
            process.fault(error)
    process.hart.state = Activity.FAILED if process.failed else Activity.STOPPED
    process.emitters.close()
    process.channel.close()
    return 0
