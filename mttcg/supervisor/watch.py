"""The supervisor's loop while the guest runs: everything that can happen, one handler each."""

import os
import selectors
import signal
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from mttcg.processes.trap_loops import warning_of
from mttcg.state.vcpu_state import Activity
from mttcg.supervisor.attachments.guest_files import GuestFileService
from mttcg.supervisor.device_end import devices_ended, see_devices_off
from mttcg.supervisor.failures import Failures, Warnings
from mttcg.supervisor.nowhere import HartsNowhere
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.served_devices import ServedDevices
from mttcg.supervisor.sleepers import all_sleep_for_ever
from mttcg.supervisor.snapshots.standstill import Standstill
from mttcg.supervisor.start.launch import end_text
from mttcg.supervisor.terminal.console import (
    CONSOLE_BYTES,
    ConsoleLines,
    ConsoleOutput,
)
from mttcg.supervisor.terminal.interrupts import Interrupts
from mttcg.supervisor.terminal.keyboard import Keyboard
from mttcg.supervisor.terminal.terminal_window import TerminalWindow
from mttcg.supervisor.typed_input import TypedInput
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import (
    DevicesEnded,
    DeviceWarning,
    HostRefused,
    HostWarning,
    TranslatorEnded,
    VcpuEnded,
)
from mttcg.vcpu.protocol.message import MessageError, ProcessMessage
from mttcg.vcpu.protocol.orders import BeginProgram, MakeChange, Order
from mttcg.vcpu.protocol.vcpu_messages import (
    AskChange,
    FileOperation,
    InputTaken,
    NothingAttached,
    ProgramBegins,
    SpinFound,
    TrapLoopFound,
    UnsupportedFound,
    VcpuFailure,
    VcpuWarning,
    ZerosFound,
)

if TYPE_CHECKING:
    from mttcg.supervisor.delivery.aggregator_process import AggregatorProcess
    from mttcg_bus.publisher.process import PublisherEvent, PublisherProcess

TICK_SECONDS = 0.25
"""How often the status is shown and every vCPU writes its registers to shared memory."""
TICKS_ASLEEP = 4
"""How many there are for each that sleepers are woken at."""
GRACE_SECONDS = 30.0
"""How long vCPUs that were told to leave may do nothing; then they are killed.

Longer than `mttcg.vcpu.instrumentation.patience.STALL_SECONDS`, so that a vCPU whose records nobody
takes leaves in order before.
"""


class CommandListener(Protocol):
    """What others want from outside while the guest runs."""

    def look(self) -> None:
        """Go on with what waits for something that may have happened."""

    def hear(self, cpu: int, message: ProcessMessage) -> None:
        """Take in what a vCPU says."""

    def hear_host(self, message: ProcessMessage) -> None:
        """Take in what the vCPU host says."""

    def hear_publisher(self, event: "PublisherEvent") -> None:
        """Take in what the publisher has done."""

    def end(self) -> None:
        """The guest has ended: nothing more is done."""


class InputListener(Protocol):
    """What notes that harts which take turns were given input."""

    def hear(self, told: InputTaken) -> None:
        """Note what a vCPU has taken."""


@dataclass
class Watch:
    """What the loop watches, and what it has seen.

    `run` is what is watched, `devices` are those that the supervisor serves, `files` those that the
    guest has open, `console` takes the guest's output, by `lines`, `beside_prints`: where plugins
    print, too; `failures` are what went wrong, `warnings` what only went otherwise than wanted;
    `unsupported` are the places of instructions that the guest's harts lack; `idle` are, by vCPU,
    the plugins that attached nothing there; `lost` are the vCPUs whose process ended by itself.
    `keyboard` sorts the input, if it is that of a terminal. `typed` carries it; `inputs` notes what
    harts that take turns have of it; `window` is the one that the console is in.
    `refused`: whether a limit of the host was told of, which others reach, too; `told`: which vCPUs
    said themselves why they end.
    """

    run: RunState
    devices: ServedDevices
    channels: list[Channel]
    interrupts: Interrupts
    console_output: int
    notice_fd: int
    console: ConsoleOutput | None
    stdin_fd: int | None
    lines: ConsoleLines
    typed: TypedInput
    window: TerminalWindow
    on_tick: Callable[[], None]
    warnings: Warnings
    failures: Failures = field(default_factory=Failures)
    unsupported: list[dict[str, str]] = field(default_factory=list)
    idle: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    silent: set[int] = field(default_factory=set)
    host_lost: bool = False
    refused: bool = False
    told: set[int] = field(default_factory=set)
    killed: str = ""
    beside_prints: bool = False
    keyboard: Keyboard | None = None
    interrupted: bool = False
    program_began: bool = False
    epoch: int = 0
    stop_limit: float = 0.0
    emitted: int = 0
    ticks: int = 0
    inputs: InputListener | None = None
    control: CommandListener | None = field(init=False, default=None)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    files: GuestFileService = field(init=False)
    nowhere: HartsNowhere = field(init=False)
    standstill: Standstill = field(init=False)

    def loop(self, control: CommandListener | None = None) -> None:
        """Watch until every vCPU process has ended; Ctrl-C stops the guest, a second one kills.

        control: does what others want from outside.
        """
        self.control = control
        self.running = set(range(self.run.harts.count))
        with self.selector:
            self._register()
            next_tick = time.monotonic() + TICK_SECONDS
            while self.running:
                try:
                    self._step(min(next_tick, self.lines.due, self.devices.alarm_due()))
                    self.devices.ring_alarms()
                    self._show(self.lines.overdue())
                    if time.monotonic() >= next_tick:
                        next_tick = time.monotonic() + TICK_SECONDS
                        self._tick()
                    if self.control is not None:
                        self.control.look()
                except KeyboardInterrupt:  # the second of two in a row, see Interrupts
                    self.interrupts.take()
                    self.interrupted = True
                    self.stop_or_kill()
            self._drain_vcpus(range(len(self.channels)))
            self._drain_console()
            if not (self.host_lost or self.killed):
                see_devices_off(self.run, self.warn, self.console_output, self._drain_console)
            if self.control is not None:
                self.control.end()

    def _register(self) -> None:
        add = self.selector.register
        add(self.run.host.channel, selectors.EVENT_READ, self._from_host)
        add(self.interrupts, selectors.EVENT_READ, self._interrupt)
        add(self.console_output, selectors.EVENT_READ, self.take_console)
        add(self.notice_fd, selectors.EVENT_READ, self._noticed)
        for index, channel in enumerate(self.channels):
            add(channel, selectors.EVENT_READ, self._receiver(index))
        if self.run.delivery is not None:
            publisher = self.run.delivery.publisher
            add(publisher, selectors.EVENT_READ, partial(self._from_publisher, publisher))
        for aggregator in self.run.aggregators:
            self.follow_aggregator(aggregator)
        self.typed.connect(self.selector, self.stdin_fd, self.keyboard)

    def _step(self, until: float) -> None:
        for key, _ in self.selector.select(max(0.0, until - time.monotonic())):
            if key.fd in self.selector.get_map():  # unless one before it has ended it
                key.data()

    def _tick(self) -> None:
        self.on_tick()
        self.window.look()
        self.ticks += 1
        self.run.harts.request_all(asleep=self.ticks % TICKS_ASLEEP == 0)
        self._end_if_none_can_wake()
        if self.keyboard is not None and self.devices.awaits_input():
            self.keyboard.begin_raw()
        self.nowhere.look(self.devices.can_wake())
        if self.stop_limit:
            self._look_whether_all_leave()

    def _look_whether_all_leave(self) -> None:
        """Kill what does not; as long as records come out, they are still about it."""
        emitted = sum(ledger.emitted for ledger in self.run.streams.ledger().values())
        if emitted != self.emitted:
            self.emitted = emitted
            self.stop_limit = time.monotonic() + GRACE_SECONDS
        elif time.monotonic() > self.stop_limit:
            self._kill(f"as it did not leave within {GRACE_SECONDS:g} s")

    def _kill(self, why: str) -> None:
        """Kill the host, and by that every vCPU."""
        self.killed = self.killed or why
        self.run.host.process.kill()

    def _interrupt(self) -> None:
        if self.interrupts.take():
            self.stop_or_kill()

    def stop_or_kill(self) -> None:
        """Do what Ctrl-C does: stop the guest in order, and kill the vCPUs the second time."""
        if self.interrupted:
            self._kill("by a second interrupt")
        self.stop(Ending.SUPERVISOR, interrupted=True)

    def stop(self, ending: Ending, *, interrupted: bool = False) -> None:
        """Stop the guest in order; the first reason stands. interrupted: the user wants it."""
        self.interrupted = self.interrupted or interrupted
        self.run.machine.stop(ending)
        self.run.harts.request_all()
        self.stop_limit = self.stop_limit or time.monotonic() + GRACE_SECONDS

    def _from_host(self) -> None:
        received = self.run.host.channel.receive()
        if received is None:
            self._host_gone()
            return
        match received[0]:
            case TranslatorEnded(status):
                self._translator_ended(status)
            case DevicesEnded(status):
                # the guest would wait for its disk for ever
                self.failures.add(devices_ended(status), follows=self.refused or bool(self.killed))
                self.stop(Ending.FAULT)
            case DeviceWarning(text) | HostWarning(text):
                self.warn(text)
            case HostRefused(reason):
                self.refused = True
                self.failures.add(reason)
                self.stop(Ending.FAULT)
            case VcpuEnded(cpu, status):
                self._vcpu_ended(cpu, status)
            case message if self.control is not None:
                self.control.hear_host(message)
            case message:
                raise MessageError(message.TYPE, "the host sent it", "no such message here")

    def _translator_ended(self, status: int) -> None:
        """Without it the vCPUs go on with the code that they have, and make by themselves."""
        if status != 0 and not self.refused:
            self.warn(
                f"the translator ended ({end_text(status)}): hot code stays as it was made at first"
            )

    def warn(self, text: str) -> None:
        """Warn of something, once."""
        self.warnings.add(text)

    def _trap_loop(self, index: int, facts: TrapLoopFound) -> None:
        self.warn(warning_of(index, facts, self.run.isa.system, self.run.place_at))
        if self.run.config.stop_on_trap_loop:
            self.stop(Ending.TRAP_LOOP)

    def _unsupported(self, found: UnsupportedFound) -> None:
        place = {
            "name": found.name,
            "extension": found.extension,
            "pc": hex(found.pc),
            "symbol": self.run.symbol_at(found.pc),
            "source": self.run.source_at(found.pc),
        }
        if place not in self.unsupported:
            self.unsupported.append(place)

    def _host_gone(self) -> None:
        """The host was killed; the kernel kills the vCPUs, whose channels tell when."""
        self.selector.unregister(self.run.host.channel)
        self.host_lost = True
        if self.running and self.killed:
            self.failures.add(f"{vcpus_text(self.running)} killed {self.killed}")
        elif self.running:
            self.failures.add(
                f"{self.run.host.lost()}, and all vCPUs with it", follows=self.refused
            )
        for index in sorted(self.running & self.silent):
            self._vcpu_ended(index, -signal.SIGKILL)

    def _vcpu_ended(self, index: int, status: int) -> None:
        self.running.discard(index)
        if status == 0:
            return
        self._drain_vcpus((index,))  # it may have said why
        if index not in self.silent:
            self._vcpu_silent(index)
        hart = self.run.harts.harts[index]
        hart.state = Activity.KILLED
        self.lost.append(index)
        ended = f"its process ended ({end_text(status)})"
        if self.killed:
            ended = f"was killed {self.killed}"
        self.failures.add(
            f"vCPU {index}: {ended} near pc {hart.last_pc:#x}, "
            f"after {hart.instructions} instructions",
            follows=self.host_lost or index in self.told,
        )
        self.stop(Ending.FAULT)

    def _receiver(self, index: int) -> Callable[[], None]:
        def receive() -> None:
            received = self.channels[index].receive()
            if received is None:
                self._vcpu_silent(index)
                return
            match received[0]:
                case VcpuFailure() as failure:
                    self._vcpu_failed(index, failure)
                case VcpuWarning(text):
                    self.warn(text)
                case SpinFound() | ZerosFound() as found:
                    self.nowhere.hear(index, found)
                case TrapLoopFound() as facts:
                    self._trap_loop(index, facts)
                case UnsupportedFound() as found:
                    self._unsupported(found)
                case FileOperation() as asked:
                    answer = self.files.do(asked)
                    with suppress(OSError):  # it has ended meanwhile, which its channel tells
                        self.channels[index].send(answer)
                case InputTaken() as taken if self.inputs is not None:
                    self.inputs.hear(taken)
                case NothingAttached(plugins):
                    self.idle[index] = plugins
                case ProgramBegins(space):
                    if not self.program_began:  # another vCPU may have told of it
                        self.program_began = True
                        self.order(lambda epoch: BeginProgram(epoch, space))
                case AskChange(change, number):
                    self.order(lambda epoch: MakeChange(epoch, index, change, number))
                case message if self.control is not None:
                    self.control.hear(index, message)
                case message:
                    raise MessageError(message.TYPE, "a vCPU sent it", "no such message here")

        return receive

    def _drain_vcpus(self, indexes: Iterable[int]) -> None:
        """Take what vCPUs said before they ended; the host may have told of the end first."""
        for index in indexes:
            receive = self._receiver(index)
            while index not in self.silent and self.channels[index].has_something():
                receive()

    def _vcpu_failed(self, index: int, failure: VcpuFailure) -> None:
        self.told.add(index)
        self.failures.add(failure.text, follows=failure.limit and self.refused)
        self.refused = self.refused or failure.limit
        self.stop(failure.ending)

    def _vcpu_silent(self, index: int) -> None:
        """The process is gone; how it ended is for the host to say, if that is there."""
        self.selector.unregister(self.channels[index])
        self.silent.add(index)
        if self.host_lost and index in self.running:
            self._vcpu_ended(index, -signal.SIGKILL)

    def order(
        self,
        make: Callable[[int], Order],
        descriptors: Callable[[int], list[int]] = lambda _cpu: [],
    ) -> int:
        """Send every vCPU an order, made with its epoch, and descriptors of its own; the epoch."""
        self.epoch += 1
        order = make(self.epoch)
        for index, channel in enumerate(self.channels):
            if index in self.running:
                try:
                    channel.send(order, descriptors(index))
                except OSError:
                    continue  # it has ended; its state says so to whoever waits
                self.run.harts.request(index)
        return self.epoch

    def follow_aggregator(self, aggregator: "AggregatorProcess") -> None:
        """Take what an aggregator reports."""
        self.selector.register(aggregator.report_fd, selectors.EVENT_READ, self._taker(aggregator))

    def take_console(self) -> None:
        """Take what the guest has written."""
        data = os.read(self.console_output, CONSOLE_BYTES)
        if data:
            self._show(self.lines.take(data))
        else:
            self.selector.unregister(self.console_output)

    def _show(self, data: bytes) -> None:
        if self.console is None or not data:
            return
        if self.beside_prints:
            self.run.machine.in_line = not data.endswith(b"\n")
        try:
            self.console.write(data)
            self.console.flush()
        except KeyboardInterrupt:  # it takes nothing, so it is not to be asked again
            self.console = None
            raise
        except (OSError, ValueError) as error:
            self.console = None
            wrong = getattr(error, "strerror", None) or error
            self.failures.add(f"the guest's later output is lost: its console failed: {wrong}")

    def _drain_console(self) -> bool:
        """Show what there is of the console; whether somebody has it still, and may write more."""
        os.set_blocking(self.console_output, False)
        is_open = False
        try:
            while data := os.read(self.console_output, CONSOLE_BYTES):
                self._show(self.lines.take(data))
        except BlockingIOError:
            is_open = True
        self._show(self.lines.rest())
        return is_open

    def _from_publisher(self, publisher: "PublisherProcess") -> None:
        from mttcg_bus.publisher.process import Died  # loaded already, if there is a publisher

        descriptor = publisher.fileno()
        for event in publisher.receive():
            if isinstance(event, Died):
                self.selector.unregister(descriptor)
                why = event.wrong or end_text(event.exit_status)
                self.failures.add(f"the bus publisher died ({why})")
                self.stop(Ending.FAULT)
            elif self.control is not None:
                self.control.hear_publisher(event)

    def _taker(self, aggregator: "AggregatorProcess") -> Callable[[], None]:
        """What takes interim reports, so that the aggregator goes on, and sees its early end."""

        def take() -> None:
            if not aggregator.take():
                self.selector.unregister(aggregator.report_fd)

        return take

    def _noticed(self) -> None:
        os.eventfd_read(self.notice_fd)
        if self.run.machine.stopping:
            self.stop(self.run.machine.ending)
        else:
            self._end_if_none_can_wake()

    def _end_if_none_can_wake(self) -> None:
        """End the run if no hart can: at each notice, and now and then as input may end."""
        if not self.devices.can_wake() and all_sleep_for_ever(self.run):
            self.stop(Ending.SUPERVISOR)


def vcpus_text(indexes: Collection[int]) -> str:
    """Name vCPUs that something was done to."""
    named = ", ".join(map(str, sorted(indexes)))
    return f"vCPU {named} was" if len(indexes) == 1 else f"vCPUs {named} were"
