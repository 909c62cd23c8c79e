"""Harts that take turns, and what comes to them from outside, as one vCPU process has both."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from mttcg.config import Config
from mttcg.hardware.mmio import MmioMap
from mttcg.hardware.outside import HasAlarm, TakesInput
from mttcg.input_log import BYTES_AS_TEXT, Input, parse_log
from mttcg.vcpu.machine.shared import Ending, Harts
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
    devices: MmioMap,
    fds: Mapping[str, int],
    channel: Channel,
) -> None:
    """Have a vCPU's hart take turns if the run is to repeat; before it runs.

    fds: descriptors by name. channel: to the supervisor.
    """
    if not config.deterministic:
        return
    placed = [each.device for each in devices.ranges()]
    alarms = [device for device in placed if isinstance(device, HasAlarm)]
    takers = [device for device in placed if isinstance(device, TakesInput)]
    inputs = make_inputs(vcpu, harts, config, takers, fds, channel)
    take_turns(vcpu, harts, TurnPlan(config.quantum, config.seed), inputs, alarms)


def make_inputs(
    vcpu: Vcpu,
    harts: Harts,
    config: Config,
    takers: Sequence[TakesInput],
    fds: Mapping[str, int],
    channel: Channel,
) -> TurnInputs:
    """What comes from outside in this run."""
    if DELIVERED not in fds:
        return NoInputs(harts, vcpu.attend)
    machine, told = harts.machine, [each.input_came for each in takers]
    ends = fds["console_input"], fds[DELIVERED]
    pipe = ConsolePipe(*ends, told, machine.begin_input, machine.end_input)
    if config.replay_inputs is None:
        return RecordedInputs(harts, vcpu.attend, fds[ARRIVALS], pipe, partial(tell_taken, channel))
    log = parse_log(config.replay_inputs, whole(fds[LOG]))
    stop = partial(stop_here, harts, fds["notice"])
    return ReplayedInputs(harts, vcpu.attend, log, Path(config.replay_inputs), pipe, stop)


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
