"""The goldfish RTC's registers, against Linux's driver and QEMU's device."""

import math

import pytest
from test_uart16550 import Wire

from mttcg.hardware.devices import goldfish_rtc
from mttcg.hardware.devices.goldfish_rtc import STATE_SIZE, GoldfishRtc

TIME_LOW, TIME_HIGH, ALARM_LOW, ALARM_HIGH = 0x00, 0x04, 0x08, 0x0C
IRQ_ENABLED, CLEAR_ALARM, ALARM_STATUS, CLEAR_INTERRUPT = 0x10, 0x14, 0x18, 0x1C
START = 1_790_000_000_123_456_789


class Clock:
    """An RTC on a host whose time the test sets."""

    def __init__(self) -> None:
        self.now, self.told, self.wire = START, 0, Wire()
        state = memoryview(bytearray(STATE_SIZE))
        goldfish_rtc.prepare(state)
        self.rtc = GoldfishRtc(state, self.wire, self.tell, lambda: self.now)

    def tell(self) -> None:
        self.told += 1

    def read(self, offset: int) -> int:
        return self.rtc.read(offset, 4)

    def write(self, offset: int, value: int) -> None:
        self.rtc.write(offset, 4, value)

    def set_alarm(self, when: int) -> None:
        self.write(ALARM_HIGH, when >> 32)
        self.write(ALARM_LOW, when & 0xFFFF_FFFF)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_halves_of_the_time_belong_together(clock: Clock) -> None:
    low = clock.read(TIME_LOW)
    clock.now += 1 << 33
    assert clock.read(TIME_HIGH) << 32 | low == START
    low = clock.read(TIME_LOW)
    assert clock.read(TIME_HIGH) << 32 | low == START + (1 << 33)


def test_the_time_can_be_set_and_goes_on_from_there(clock: Clock) -> None:
    clock.write(TIME_HIGH, 5)
    clock.write(TIME_LOW, 7)
    clock.now += 100
    assert (clock.read(TIME_LOW), clock.read(TIME_HIGH)) == (107, 5)


def test_an_alarm_rings_once_when_its_time_has_come(clock: Clock) -> None:
    assert clock.rtc.seconds_left() == math.inf
    clock.write(IRQ_ENABLED, 1)
    clock.set_alarm(START + 2_000_000_000)
    assert (clock.read(ALARM_STATUS), clock.rtc.can_interrupt()) == (1, True)
    assert clock.rtc.seconds_left() == 2
    clock.rtc.ring_due()
    assert not clock.wire.high
    clock.now += 2_000_000_000
    clock.rtc.ring_due()
    assert (clock.wire.high, clock.read(ALARM_STATUS)) == (True, 0)
    clock.write(CLEAR_INTERRUPT, 1)
    clock.rtc.ring_due()
    assert (clock.wire.high, clock.wire.changes, clock.told) == (False, 2, 4)


def test_an_alarm_in_the_past_rings_at_once(clock: Clock) -> None:
    clock.set_alarm(START - 1)
    assert not clock.wire.high
    clock.write(IRQ_ENABLED, 3)
    assert (clock.wire.high, clock.read(IRQ_ENABLED)) == (True, 1)


def test_an_alarm_can_be_taken_back(clock: Clock) -> None:
    clock.write(IRQ_ENABLED, 1)
    clock.set_alarm(START + 10)
    assert clock.read(ALARM_HIGH) << 32 | clock.read(ALARM_LOW) == START + 10
    clock.write(CLEAR_ALARM, 1)
    clock.now += 20
    clock.rtc.ring_due()
    assert (clock.wire.high, clock.read(ALARM_STATUS), clock.rtc.can_interrupt()) == (False,) * 3


@pytest.mark.parametrize("size", [1, 2, 8])
def test_other_sizes_do_nothing(clock: Clock, size: int) -> None:
    clock.rtc.write(IRQ_ENABLED, size, 1)
    assert clock.read(IRQ_ENABLED) == clock.rtc.read(TIME_LOW, size) == 0
    clock.write(0x20, 1)
    assert clock.read(0x20) == 0
