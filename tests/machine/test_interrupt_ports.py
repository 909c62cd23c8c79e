"""The harts' ends of interrupt lines, timers and the clock, over shared memory."""

import os
from collections.abc import Iterator

import pytest

from mttcg.isa.riscv64.interrupts import EXTERNAL_NUMBER, SOFTWARE_NUMBER, TIMER_INTERRUPT
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.named_registers import read_register
from mttcg.state.vcpu_state import NEVER, STATE_BYTES, Activity
from mttcg.vcpu.machine.interrupt_ports import SharedClock, inputs_of
from mttcg.vcpu.machine.shared import Harts, MachineState, machine_bytes
from mttcg.vcpu.machine.timer import idle_ns_so_far

SMP, TIMEBASE = 2, 1000


@pytest.fixture
def harts() -> Iterator[Harts]:
    machine = MachineState(memoryview(bytearray(machine_bytes(0))), TIMEBASE)
    machine.start_clock()
    wake_fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(SMP)]
    found = Harts(memoryview(bytearray(SMP * STATE_BYTES)), wake_fds, machine, RISCV64.system)
    for hart in found.harts:
        hart.timer_deadline = NEVER
    yield found
    for descriptor in wake_fds:
        os.close(descriptor)


def asked(harts: Harts) -> list[bool]:
    """Which harts were asked to look, by their word and their eventfd; they are not any more."""
    found = []
    for hart, descriptor in zip(harts.harts, harts.wake_fds, strict=True):
        try:
            woken = os.eventfd_read(descriptor) > 0
        except BlockingIOError:
            woken = False
        assert woken == bool(hart.request)
        found.append(woken)
        hart.request = 0
    return found


@pytest.mark.parametrize("number", [SOFTWARE_NUMBER, EXTERNAL_NUMBER])
def test_a_raised_line_is_pending_until_it_is_lowered(harts: Harts, number: int) -> None:
    first, second = harts.harts
    line = inputs_of(harts)[1].line(number)
    line.raise_()
    assert (line.high, inputs_of(harts)[1].line(number).high) == (True, True)
    assert asked(harts) == [False, True]
    assert [read_register(hart, "mip", harts.machine) for hart in (first, second)] == [
        0,
        1 << number,
    ]
    line.lower()
    assert not line.high
    assert asked(harts) == [False, False]
    assert read_register(second, "mip", harts.machine) == 0


def test_a_timer_is_pending_from_its_time_on(harts: Harts) -> None:
    timer, clock = inputs_of(harts)[0].timer, SharedClock(harts)
    assert timer.read() == NEVER
    timer.set(5_000_000)
    assert (timer.read(), asked(harts)) == (5_000_000, [True, False])
    assert read_register(harts.harts[0], "mip", harts.machine) == 0
    clock.set_time(5_000_000)
    assert asked(harts) == [True, True]
    assert 5_000_000 <= clock.time() < 5_000_000 + 60 * TIMEBASE
    assert [read_register(hart, "mip", harts.machine) for hart in harts.harts] == [
        TIMER_INTERRUPT,
        0,
    ]


def test_time_is_in_ticks_of_the_timebase() -> None:
    for timebase in (1, 32_768, 10_000_000, 1_000_000_000):
        machine = MachineState(memoryview(bytearray(machine_bytes(0))), timebase)
        assert machine.time_at(3_500_000_000) == 3_500_000_000 * timebase // 10**9
        assert machine.seconds(7 * timebase) == 7.0


def test_sleepers_need_not_be_woken(harts: Harts) -> None:
    harts.harts[0].state, harts.harts[1].state = Activity.IDLE, Activity.RUNNING
    harts.request_all(asleep=False)
    assert asked(harts) == [False, True]
    harts.request_all()
    assert asked(harts) == [True, True]


def test_the_idle_time_of_a_sleeper_goes_on(harts: Harts) -> None:
    asleep, awake = harts.harts
    asleep.state, awake.state = Activity.IDLE, Activity.RUNNING
    for hart in harts.harts:
        hart.idle_ns, hart.since_ns = 5, 1
    assert idle_ns_so_far(awake) == 5
    assert idle_ns_so_far(asleep) > 5
