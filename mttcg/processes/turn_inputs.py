"""Harts that take turns, and what comes to them from outside, as one vCPU process has both."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from mttcg.config import Config
from mttcg.hardware.board import BackEndPort, Board
from mttcg.hardware.mmio import MmioMap
from mttcg.hardware.outside import HasAlarm, TakesInput
from mttcg.input_log import BYTES_AS_TEXT, Input, parse_log
from mttcg.processes.attachments import DeviceAttachment, attachments
from mttcg.processes.notified_back_end import AwaitedBackEnd
from mttcg.vcpu.machine.shared import Ending, Harts, MachineState
from mttcg.vcpu.machine.turn_inputs import (
    ARRIVALS,
    DELIVERED,
    LOG,
    ConsolePipe,
    NoInputs,
    RecordedInputs,
    ReplayedInputs,
    TurnInputs,
)
from mttcg.vcpu.machine.turns import TurnPlan
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.vcpu_messages import InputTaken
from mttcg.vcpu.turn_taking import take_turns
from mttcg.vcpu.vcpu import Vcpu


def let_take_turns(
    vcpu: Vcpu,
    harts: Harts,
    config: Config,
    machine: tuple[MmioMap, Mapping[str, BackEndPort], Board],
    fds: Mapping[str, int],
    channel: Channel,
) -> None:
    """Have a vCPU's hart take turns if the run is to repeat; before it runs.

    machine: its devices, their back ends by slot, and its board. fds: descriptors by name.
    channel: to the supervisor.
    """
    if not config.deterministic:
        return
    devices, backends, board = machine
    for each in backends.values():
        if isinstance(each, AwaitedBackEnd):
            each.settle()  # of a machine that goes on: what had been notified
    placed = [each.device for each in devices.ranges()]
    alarms = [device for device in placed if isinstance(device, HasAlarm)]
    told = [device.input_came for device in placed if isinstance(device, TakesInput)]
    if config.has_virtio_console:
        told = [backends[each.row].ring for each in attachments(config, board) if is_console(each)]
    inputs = make_inputs(vcpu, harts, config, told, fds, channel)
    take_turns(vcpu, harts, TurnPlan(config.quantum, config.seed), inputs, alarms)


def make_inputs(
    vcpu: Vcpu,
    harts: Harts,
    config: Config,
    told: Sequence[Callable[[], None]],
    fds: Mapping[str, int],
    channel: Channel,
) -> TurnInputs:
    """What comes from outside in this run."""
    if DELIVERED not in fds:
        return NoInputs(harts, vcpu.attend)
    pipe = console_pipe(harts.machine, config.has_virtio_console, told, fds)
    if config.replay_inputs is None:
        return RecordedInputs(harts, vcpu.attend, fds[ARRIVALS], pipe, partial(tell_taken, channel))
    log = parse_log(config.replay_inputs, whole(fds[LOG]))
    stop = partial(stop_here, harts, fds["notice"])
    return ReplayedInputs(harts, vcpu.attend, log, Path(config.replay_inputs), pipe, stop)


def is_console(attached: DeviceAttachment) -> bool:
    """Whether a device is the virtio console."""
    return attached.kind == "console"


def console_pipe(
    machine: MachineState,
    is_virtio: bool,
    told: Sequence[Callable[[], None]],
    fds: Mapping[str, int],
) -> ConsolePipe:
    """The pipe to the serial port, or to the virtio console."""
    if is_virtio:
        return ConsolePipe(fds["keys"], fds[DELIVERED], told)
    ends = fds["console_input"], fds[DELIVERED]
    return ConsolePipe(*ends, told, machine.begin_input, machine.end_input)


def tell_taken(channel: Channel, number: int, taken: Input) -> None:
    """Tell the supervisor what was taken."""
    text = (taken.console or b"").decode(BYTES_AS_TEXT)
    channel.send(InputTaken(number, taken.turn, taken.clock, taken.instructions, text))


def stop_here(harts: Harts, notice: int) -> None:
    """End the run where the one was stopped that is replayed."""
    harts.machine.stop(Ending.LOG_OVER)
    harts.request_all()
    os.eventfd_write(notice, 1)


def whole(file: int) -> bytes:
    """What is in a file."""
    return os.pread(file, os.fstat(file).st_size, 0)
