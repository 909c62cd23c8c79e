"""The supervisor's loop, with vCPUs that are none: what it does when one ends in the middle."""

import math
import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mttcg.isa.riscv64.isa import RISCV64
from mttcg.semihosting.operations import SemihostingOperation
from mttcg.state.vcpu_state import STATE_BYTES, Activity
from mttcg.supervisor.attachments.guest_files import GuestFileService
from mttcg.supervisor.failures import Warnings
from mttcg.supervisor.terminal.console import ConsoleLines
from mttcg.supervisor.typed_input import TypedInput
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.machine.shared import Ending, Harts
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import VcpuEnded
from mttcg.vcpu.protocol.vcpu_messages import FileOperation, VcpuFailure

KILLED = -9


class Scene:
    """A loop over channels whose other ends the test has.

    Attributes:
        watch: the loop.
        host: the host's end.
        vcpus: the vCPUs' ends.
        endings: with what the guest was stopped.
    """

    def __init__(self, ends: ExitStack, vcpus: int = 2) -> None:
        host, self.host = Channel.pair()
        pairs = [Channel.pair() for _ in range(vcpus)]
        self.vcpus = [theirs for _, theirs in pairs]
        console, typed = os.pipe(), os.pipe()
        notice, *wake = (os.eventfd(0, os.EFD_NONBLOCK) for _ in range(vcpus + 2))
        for descriptor in (*console, *typed, notice, *wake):
            ends.callback(os.close, descriptor)
        for channel in (host, self.host, *(each for pair in pairs for each in pair)):
            ends.callback(channel.close)
        self.endings: list[Ending] = []
        machine = SimpleNamespace(stop=self.endings.append, stopping=False, end_input=lambda: None)
        states = memoryview(bytearray(vcpus * STATE_BYTES))
        self.harts = Harts(states, wake[:vcpus], cast(Any, machine), RISCV64.system)
        run = SimpleNamespace(
            host=SimpleNamespace(channel=host, process=None, lost=lambda: "the host was lost"),
            machine=machine,
            harts=self.harts,
            delivery=None,
            aggregators=(),
            device_fds={},
            streams=SimpleNamespace(ledger=dict),
        )
        devices = SimpleNamespace(
            alarm_due=lambda: math.inf, ring_alarms=lambda: None, can_wake=lambda: True
        )
        self.watch = Watch(
            run=cast(Any, run),
            devices=cast(Any, devices),
            channels=[ours for ours, _ in pairs],
            interrupts=cast(Any, wake[vcpus]),
            console_output=console[0],
            notice_fd=notice,
            console=None,
            stdin_fd=None,
            lines=ConsoleLines(),
            typed=TypedInput(typed[1], lambda: None),
            window=cast(Any, SimpleNamespace(look=lambda: None)),
            on_tick=lambda: None,
            warnings=Warnings(lambda _text: None),
        )
        self.watch.nowhere = cast(Any, SimpleNamespace(look=lambda _can_wake: None))


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_what_a_vcpu_said_is_its_end_also_if_the_host_told_of_that_first(ends: ExitStack) -> None:
    scene = Scene(ends)
    scene.vcpus[0].send(VcpuFailure("vCPU 0: a plugin failed", Ending.CALLBACK))
    scene.vcpus[0].close()
    # the loop takes what is there in the order of its channels, the host's first
    scene.host.send(VcpuEnded(0, KILLED))
    scene.host.send(VcpuEnded(1, 0))
    scene.watch.loop()
    assert scene.watch.failures.causes == ["vCPU 0: a plugin failed"]
    (ended,) = scene.watch.failures.consequences
    assert ended.startswith("vCPU 0: its process ended (signal 9)")
    assert scene.endings[0] == Ending.CALLBACK
    assert scene.watch.lost == [0] and scene.harts.harts[0].state == Activity.KILLED


@pytest.mark.parametrize("host_first", [True, False])
def test_a_vcpu_that_is_killed_as_it_asks_for_a_file_has_no_answer(
    ends: ExitStack, tmp_path: Path, host_first: bool
) -> None:
    scene = Scene(ends)
    scene.watch.files = GuestFileService(tmp_path, scene.watch.warn)
    ends.callback(scene.watch.files.close)
    scene.vcpus[0].send(FileOperation(SemihostingOperation.ISTTY, 0, 0, ""))
    scene.vcpus[0].close()
    if host_first:
        scene.host.send(VcpuEnded(0, KILLED))
        scene.host.send(VcpuEnded(1, 0))
    else:
        scene.vcpus[1].close()
        scene.host.close()
    scene.watch.loop()
    text = "vCPU 0: its process ended (signal 9)"
    assert any(each.startswith(text) for each in scene.watch.failures.all())


def test_channels_may_have_descriptors_of_any_number(ends: ExitStack) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[0] < 1200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1200, limits[1]))
        ends.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
    for _ in range(1100):
        ends.callback(os.close, os.open("/dev/null", os.O_RDONLY))
    scene = Scene(ends, 1)
    scene.vcpus[0].send(VcpuFailure("vCPU 0: it failed", Ending.FAULT))
    scene.vcpus[0].close()
    scene.host.send(VcpuEnded(0, 1))
    scene.watch.loop()
    assert scene.watch.failures.causes == ["vCPU 0: it failed"]
