"""One run of a machine: everything is made, started, watched, and ended."""

import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.guest.boot import BootState, fill_ram, largest_gap
from mttcg.guest.boot_files import BootFiles
from mttcg.guest.image import settings_undone
from mttcg.hardware.board import Board
from mttcg.processes.attachments import BELL, SERVED, attachments
from mttcg.processes.check_counters import RECORDED
from mttcg.processes.kept_models import MODELS
from mttcg.processes.segments import create_segment, fixed_sizes, map_segment
from mttcg.state.vcpu_state import Activity, Power
from mttcg.supervisor.attachments.attached_files import open_attached
from mttcg.supervisor.attachments.guest_files import GuestFileService
from mttcg.supervisor.control.kernel import kernel_for_plugins
from mttcg.supervisor.delivery.streams import Streams
from mttcg.supervisor.failures import Warnings
from mttcg.supervisor.kernel_place import KernelPlace
from mttcg.supervisor.nowhere import HartsNowhere
from mttcg.supervisor.results.check import make_rings
from mttcg.supervisor.results.counted_so_far import counted_so_far
from mttcg.supervisor.results.live_status import StatusReader
from mttcg.supervisor.results.result import RunResult, Status
from mttcg.supervisor.run_inputs import RunInputs, machine_of
from mttcg.supervisor.run_state import RunState, info_of, stream_of
from mttcg.supervisor.scoreboards import Scoreboards
from mttcg.supervisor.served_devices import served_devices
from mttcg.supervisor.snapshots.restoring import Restoring
from mttcg.supervisor.snapshots.standstill import Standstill
from mttcg.supervisor.start.host_process import HostProcess
from mttcg.supervisor.start.launch import END_SECONDS, Host, prepare_host
from mttcg.supervisor.terminal.console import (
    LINE_SECONDS,
    TYPED_SECONDS,
    ConsoleLines,
    ConsoleOutput,
    is_beside_prints,
    is_terminal,
)
from mttcg.supervisor.terminal.interrupts import Interrupts
from mttcg.supervisor.terminal.keyboard import Keyboard
from mttcg.supervisor.terminal.terminal_window import TerminalWindow
from mttcg.supervisor.typed_input import typed_input
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.machine.console_ends import ConsoleEnds
from mttcg.vcpu.machine.shared import Harts, MachineState
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.facts import ProgramFacts
from mttcg.vcpu.protocol.host_messages import Start
from mttcg.vcpu.protocol.needs import place_of

if TYPE_CHECKING:
    from mttcg.supervisor.control.control import RunControl
    from mttcg.supervisor.delivery.delivery import Delivery
    from mttcg.supervisor.results.interim import Interims

SUBSCRIBER_SECONDS = 60.0
"""How long to wait for the subscribers that the run is to begin with."""


class Run:
    """One run: its segments, processes and descriptors, and their end.

    `fds` go to the vCPU host, `ours` are the ends of the console that stay here.
    """

    def __init__(
        self,
        config: Config,
        boot: BootFiles,
        board: Board,
        interrupts: Interrupts,
        host_process: HostProcess,
        restoring: Restoring | None = None,
    ) -> None:
        self.config, self.boot, self.board, self.interrupts = config, boot, board, interrupts
        self.restoring = restoring
        self.image = boot.image
        self.host_process = host_process
        self.identifier = uuid.uuid4().hex
        self.started = time.monotonic()
        self.fds: dict[str, int] = {}
        self.ours: dict[str, int] = {}
        self.channels: list[Channel] = []
        self.check_rings: list[int] = []
        self.scoreboards = Scoreboards()
        self.ends = ExitStack()  # what comes first here ends last
        self.ends.callback(interrupts.close)
        self.ends.callback(self._close_descriptors)
        self.ends.callback(self.scoreboards.close)
        self.bus_ends = self.ends.enter_context(ExitStack())
        self.ends.callback(self._see_vcpus_gone)
        self.host_ends = self.ends.enter_context(ExitStack())

    def run(
        self,
        console: ConsoleOutput | None,
        on_status: Callable[[Status], None] | None,
        stdin_fd: int | None,
        on_bus: Callable[[str], None] | None,
        on_interim: Callable[[RunResult], None] | None,
        on_warning: Callable[[str], None] | None,
        on_started: Callable[[], None] | None,
        keyboard: Keyboard | None,
    ) -> RunResult:
        """Start everything, watch it, collect what it left."""
        open_attached(self.config, self.board, self.fds, self.ends)
        self.inputs = RunInputs(
            self.config, lambda: machine_of(self.config, self.boot, self.board, self.fds)
        )
        maps = self._make_segments()
        system = self.image.isa.system
        isa = system.isa_text(system.extensions[self.config.engine_name])
        started = self._fill_ram(maps["ram"], isa)
        info = partial(info_of, self.identifier, self.config, self.image, self.board)
        host = prepare_host(self.host_process, self.config, self.image, info)
        self.host_ends.callback(host.end)
        streams = self._make_streams(host)
        delivery = self._make_delivery(host, streams, on_bus)
        state = self._make_state(maps, host, streams, delivery, started)
        reader = StatusReader(state.harts.harts, state.ledger)
        interims: Interims | None = None

        def tick() -> None:
            if on_status is not None:
                on_status(reader.read())
            if interims is not None:
                interims.look()

        with self.interrupts as interrupts:
            watch = self._watch(state, console, stdin_fd, tick, on_warning or (lambda _text: None))
            control = self._control(state, watch)
            if keyboard is not None:
                watch.keyboard = keyboard
                keyboard.connect(watch.stop_or_kill, partial(open_prompt, keyboard, state, watch))
            interims = self._interims(state, watch, on_interim)
            began = time.monotonic()
            watch.window.look()
            state.machine.start_clock(0 if self.restoring is None else self.restoring.clock_ns)
            self._start_vcpus(state, started)
            from mttcg.supervisor.results.outcome import build_result  # while the vCPUs start

            if on_started is not None:
                on_started()
            watch.loop(control)
            state.seconds["run"] = time.monotonic() - began
            if watch.interrupted:
                interrupts.let_through()
            reports = finish(state, watch)
            self.inputs.finish(state, watch)
        return build_result(state, watch, reports)

    def _fill_ram(self, ram: memoryview, isa: str) -> BootState:
        """Put into RAM what the run starts with, or goes on from."""
        if self.restoring is not None:
            return self.restoring.fill_ram(self.fds, ram)
        return fill_ram(self.config, self.boot, self.board, ram, isa)

    def _interims(
        self, state: RunState, watch: Watch, on_interim: Callable[[RunResult], None] | None
    ) -> "Interims | None":
        if on_interim is None or not self.config.interim:
            return None
        from mttcg.supervisor.results.interim import Interims

        return Interims(state, watch, on_interim)

    def _make_segments(self) -> dict[str, memoryview]:
        sizes = fixed_sizes(self.config, self.board.state_bytes)
        for name, size in sizes.items():
            self.fds[name] = create_segment(name, size)
        return {name: map_segment(self.fds[name], size) for name, size in sizes.items()}

    def _make_streams(self, host: Host) -> Streams:
        streams = Streams.prepare(host.needs.streams, self.config.smp, self.config.policies)
        self.bus_ends.callback(streams.close)
        if self.config.wait_subscribers and not streams.specs:
            wrong = "nobody can subscribe, as no plugin has a stream"
            raise OptionError("--wait-subscribers", wrong, "a plugin that records something")
        if self.config.record is not None and not (streams.specs or self.config.control):
            wrong = "there is nothing to record, as no plugin has a stream"
            raise OptionError("--record", wrong, "a plugin that records something")
        return streams

    def _make_delivery(
        self, host: Host, streams: Streams, on_bus: Callable[[str], None] | None
    ) -> "Delivery | None":
        config = self.config
        if not (streams.specs or config.control) and config.bus is None:
            return None
        # a run without a bus does not load it
        from mttcg.supervisor.delivery.delivery import Delivery

        delivery = Delivery.publish(
            streams, config, info_of(self.identifier, config, self.image, self.board, host)
        )
        self.bus_ends.callback(delivery.close)
        if on_bus is not None:
            on_bus(delivery.publisher.url)
        delivery.aggregate(host.needs.plugins if config.aggregate else (), config)
        if config.record is not None:
            delivery.record(config.record, config.record_limit)
        delivery.wait_subscribers(config.wait_subscribers, SUBSCRIBER_SECONDS)
        return delivery

    def _make_state(
        self,
        maps: dict[str, memoryview],
        host: Host,
        streams: Streams,
        delivery: "Delivery | None",
        started: BootState,
    ) -> RunState:
        """Make what is still missing; from here on everything is there."""
        self._make_descriptors()
        self.scoreboards.add(host.needs.scoreboards, self.config.smp)
        if self.config.check:
            self.check_rings += make_rings(self.config.smp)
        machine = MachineState(maps["machine"], self.board.timebase)
        self.board.prepare(machine.device_state)
        if self.config.deterministic:
            self.inputs.prepare(machine)
        wake_fds = [self.fds[f"wake{cpu}"] for cpu in range(self.config.smp)]
        state = RunState(
            identifier=self.identifier,
            config=self.config,
            boot=self.boot,
            board=self.board,
            host=host,
            streams=streams,
            delivery=delivery,
            maps=maps,
            fds=self.fds,
            boot_state=started,
            cache_fd=self.fds["cache"],
            device_fds={
                name: self.fds[name]
                for name in self.fds
                if name == "devices" or name.startswith(BELL)
            },
            machine=machine,
            harts=Harts(maps["harts"], wake_fds, machine, self.image.isa.system),
            scoreboards=self.scoreboards,
            check_rings=self.check_rings,
            started=self.started,
            seconds={"start": time.monotonic() - self.started},
        )
        if self.restoring is not None:
            self.restoring.fill(
                machine, state.harts, self.ours[state.input_pipe], self.fds.get(MODELS)
            )
        if delivery is not None:
            delivery.publisher.state = lambda: counted_so_far(state)
        return state

    def _make_descriptors(self) -> None:
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        for cpu in range(self.config.smp):
            self.fds[f"wake{cpu}"] = os.eventfd(0, flags)
        self.fds["notice"] = os.eventfd(0, flags)
        bells = [each.bell for each in attachments(self.config, self.board)]
        # what was notified then is looked at, unless who notified has waited for that
        unanswered = int(self.restoring is not None and not self.restoring.takes_turns)
        for name in (*bells, *(["devices"] if bells else [])):
            self.fds[name] = os.eventfd(unanswered, flags)
        if bells:
            self.fds[MODELS] = create_segment(MODELS, 0)
            if self.config.deterministic:
                self.fds[SERVED] = os.eventfd(0, flags)
        self.ours["console_output"], self.fds["console_output"] = os.pipe()
        self.fds["console_input"], self.ours["console_input"] = os.pipe()
        for descriptor in (self.fds["console_input"], self.ours["console_input"]):
            os.set_blocking(descriptor, False)
        if self.config.has_virtio_console:
            self.fds["keys"], self.ours["keys"] = os.pipe()
            for descriptor in (self.fds["keys"], self.ours["keys"]):
                os.set_blocking(descriptor, False)
        pipe = "keys" if self.config.has_virtio_console else "console_input"
        self.inputs.make_descriptors(self.ours[pipe], self.fds, self.ours)

    def _watch(
        self,
        state: RunState,
        console: ConsoleOutput | None,
        stdin_fd: int | None,
        tick: Callable[[], None],
        on_warning: Callable[[str], None],
    ) -> Watch:
        devices = served_devices(
            self.board,
            state.maps["ram"],
            state.harts,
            state.machine,
            ConsoleEnds(self.fds["console_output"], self.fds["console_input"]),
            self.image.places(self.board.symbols),
        )
        watch = Watch(
            run=state,
            devices=devices,
            channels=self.channels,
            interrupts=self.interrupts,
            console_output=self.ours["console_output"],
            typed=typed_input(state, self.ours, devices),
            inputs=self.inputs,
            window=TerminalWindow(state, None if self.config.deterministic else stdin_fd),
            notice_fd=self.fds["notice"],
            console=console,
            stdin_fd=stdin_fd if self.config.takes_input else None,
            lines=ConsoleLines(TYPED_SECONDS if is_terminal(stdin_fd) else LINE_SECONDS),
            beside_prints=is_beside_prints(console),
            on_tick=tick,
            warnings=Warnings(on_warning),
        )
        warn = watch.warnings.add
        watch.files = GuestFileService(self.config.semihosting_files, warn)
        watch.nowhere, watch.standstill = HartsNowhere(state, warn), Standstill(state)
        watch.on_tick = KernelPlace(state, warn).before(tick)
        self.ends.callback(watch.files.close)
        # the start-up code of a guest that goes on has done all that it does
        set_at_start = () if self.restoring is not None else self.config.symbols_set
        undone = settings_undone(self.image, set_at_start)
        for text in (*self.image.warnings, *undone, *state.host.warnings):
            warn(text)
        return watch

    def _control(self, state: RunState, watch: Watch) -> "RunControl | None":
        delivery = state.delivery if self.config.control else None
        config = self.config
        if delivery is None and config.gdb is None and config.snapshot is None:
            return None
        from mttcg.supervisor.control.control import RunControl  # few runs take commands

        control = RunControl(state, watch, delivery)
        control.at_once["gdb"] = partial(let_gdb_connect, control)
        if config.gdb is not None:
            from mttcg.supervisor.debugging.debugging import open_door

            self.ends.callback(open_door(control, config))
        if config.snapshot is not None:
            from mttcg.supervisor.control.planned_snapshot import plan

            plan(control, config, self.image)
        return control

    def _start_vcpus(self, state: RunState, started: BootState) -> None:
        """Send the host what the vCPUs need; it forks them."""
        if started.below_firmware and self.restoring is None:
            for hart in state.harts.harts[1:]:  # before any process can start one
                hart.power = Power.STOPPED
        streams = state.streams
        passed = dict(self.fds)
        with ExitStack() as theirs:
            for cpu in range(self.config.smp):
                ours, other = Channel.pair()
                self.channels.append(ours)
                theirs.callback(other.close)
                passed[f"vcpu{cpu}"] = other.fileno()
                for end, channel in zip(("asking", "translator"), Channel.pair(), strict=True):
                    theirs.callback(channel.close)
                    passed[f"{end}{cpu}"] = channel.fileno()
                passed[f"space{cpu}"] = streams.space_fds[cpu]
                for stream, rings in streams.ring_fds.items():
                    passed[f"ring {stream} {cpu}"] = rings[cpu]
            for cpu, ring in enumerate(self.check_rings):
                passed[f"ring {'.'.join(RECORDED)} {cpu}"] = ring
            for (plugin, name), descriptor in self.scoreboards.descriptors.items():
                passed[f"scoreboard {plugin}.{name}"] = descriptor
            passed["doorbell"] = streams.doorbell_fd
            message = start_message(state, self.restoring is not None, tuple(passed))
            state.host.send(message, list(passed.values()))
        os.close(self.fds.pop("console_output"))

    def _see_vcpus_gone(self) -> None:
        until = time.monotonic() + END_SECONDS
        for channel in self.channels:
            channel.wait_end(until)
            channel.close()

    def _close_descriptors(self) -> None:
        for descriptor in (*self.fds.values(), *self.check_rings, *self.ours.values()):
            os.close(descriptor)

    def close(self) -> None:
        """End every process that is left; close every descriptor."""
        self.ends.close()


def open_prompt(keyboard: Keyboard, state: RunState, watch: Watch) -> None:
    """Have a terminal's keys be commands, until one who types has enough of that."""
    from mttcg.supervisor.control.control import RunControl  # few runs are given commands
    from mttcg.supervisor.control.prompt import ControlPrompt

    if not isinstance(keyboard.prompt, ControlPrompt):
        if not isinstance(watch.control, RunControl):
            watch.control = RunControl(state, watch, None)
        keyboard.prompt = ControlPrompt(state, watch.control)
    keyboard.prompt.open()


def let_gdb_connect(control: "RunControl", given: Mapping[str, Any]) -> dict[str, Any]:
    """The command `gdb`."""
    from mttcg.supervisor.debugging.debugging import listen  # few runs are debugged

    return listen(control, given)


def start_message(state: RunState, restored: bool, descriptors: tuple[str, ...]) -> Start:
    """What every vCPU is told, with the names of the descriptors that come along, in order."""
    image, started = state.image, state.boot_state
    streams = tuple(map(place_of, state.streams.specs))
    kernel, unknown = kernel_for_plugins(state)
    return Start(
        isa=image.isa.name,
        board=state.board.name,
        entry=started.entry,
        device_tree=started.device_tree,
        information=started.information,
        below_firmware=started.below_firmware,
        device_symbols=image.places(state.board.symbols),
        program=program_facts(state, started),
        kernel=kernel,
        kernel_unknown=unknown,
        restored=restored,
        streams=(*streams, RECORDED) if state.check_rings else streams,
        scoreboards=tuple(
            (scoreboard.plugin, scoreboard.name) for scoreboard in state.host.needs.scoreboards
        ),
        descriptors=descriptors,
    )


def program_facts(state: RunState, started: BootState) -> ProgramFacts | None:
    """What semihosting tells the guest's program of itself; None for kernels, and firmware.

    A kernel that is there for one program has it: its first process ends the run by that.
    """
    config = state.config
    is_program = not (started.below_firmware or started.information or config.bios)
    if not (is_program or config.streams) or not config.semihosting:
        return None
    name = config.guest.name
    command_line = f"{name} {config.args}" if config.args else name
    return ProgramFacts(command_line, largest_gap(state.image, started.device_tree))


def finish(state: RunState, watch: Watch) -> dict[str, Any]:
    """Emit for those that could not, deliver the rest, collect the reports."""
    reports = deliver_rest(state, state.delivery, watch) if state.delivery is not None else {}
    state.seconds["deliver"] = time.monotonic() - state.started - sum(state.seconds.values())
    return reports


def deliver_rest(state: RunState, delivery: "Delivery", watch: Watch) -> dict[str, Any]:
    """Emit for those that could not, deliver the rest, collect the reports."""
    for hart in state.harts.harts:
        if hart.state == Activity.STOPPED:
            continue
        for table in state.host.needs.tables:
            records = state.table_records(table, hart.index)
            delivery.emit_for(stream_of(table), hart.index, records)
    return delivery.finish(watch.failures)
