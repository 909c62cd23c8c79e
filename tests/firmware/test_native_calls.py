"""Calls that are answered natively, against the answers of the firmware in Python."""

import contextlib
import ctypes
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from engine_harness import Bare

from mttcg.engine.base import NativeDevices
from mttcg.engine.llvm.interpreter.native_system import words_of_machine
from mttcg.firmware.firmware import FirmwarePorts
from mttcg.firmware.registry import native_firmware_of
from mttcg.firmware.riscv64.call import A0
from mttcg.firmware.riscv64.machine import SYSTEM_RESET, TIMER
from mttcg.firmware.riscv64.others import (
    INTERPROCESSOR,
    OF_ALL_SPACES,
    OF_SPACE,
    REMOTE_FENCES,
)
from mttcg.firmware.riscv64.sbi import BASE, EXTENSION, FUNCTION, Sbi
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.memory.native_registers import CallOutcome, FunctionWord
from mttcg.state.vcpu_state import FENCE_TRANSLATIONS, Activity, Power
from mttcg.state.words import MASK
from mttcg.vcpu.machine.interrupt_ports import inputs_of

SV39, SPACE_AT = 8 << 60, 44
RAM, SIZE, HARTS, CALLER = 0x8000_0000, 1 << 16, 4, 1
ANSWER = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 2)


class Caller:
    """A hart that calls, and others; by native code or by the firmware in Python."""

    def __init__(self) -> None:
        self.bare = bare = Bare("llvm", RAM, SIZE, harts=HARTS)
        self.harts = bare.harts.harts
        self.hart: Any = self.harts[CALLER]
        self.asked: list[tuple[list[int], bool, bool]] = []
        place = address_of_buffer(bare.maps["harts"])
        devices = NativeDevices((), place, tuple(bare.wake_fds), 0, 0, place)
        self.words = np.zeros(FunctionWord.WORDS, dtype=np.uint64)
        for word, value in words_of_machine(devices).items():
            self.words[word] = value
        self.native = ANSWER(native_address(*native_firmware_of("riscv64")))
        ports = FirmwarePorts(
            harts=self.harts,
            inputs=inputs_of(bare.harts),
            wake=bare.harts.request,
            lock=contextlib.nullcontext(),
            ram=bare.vcpu.ram,
            console=None,  # type: ignore[arg-type]
            finish=lambda _status: None,
            say=lambda _text: None,
            fences=self,
        )
        self.firmware = Sbi(CALLER, ports)

    def ask(self, harts: Any, translations: bool, code: bool) -> None:
        """See Fences."""
        self.asked.append((sorted(harts), translations, code))

    def set(self, extension: int, function: int, *arguments: int) -> None:
        for number, value in enumerate(arguments):
            self.hart.x[A0 + number] = value
        self.hart.x[EXTENSION], self.hart.x[FUNCTION] = extension, function

    def call(self) -> CallOutcome:
        """By native code."""
        hart = address_of_buffer(self.hart.words)
        return CallOutcome(self.native(address_of_array(self.words), hart))

    def alerts(self) -> int:
        return int(self.words[FunctionWord.ALERTS])

    def state(self) -> list[Any]:
        timer = self.hart.stimecmp
        return [list(self.hart.x), timer, *(list(hart.lines) for hart in self.harts)]


@pytest.fixture
def callers() -> Iterator[tuple[Caller, Caller]]:
    both = Caller(), Caller()
    yield both
    for caller in both:
        caller.bare.close()


def test_native_answers_are_those_of_the_firmware(callers: tuple[Caller, Caller]) -> None:
    source, answered = random.Random("calls"), 0
    native, defined = callers
    for _ in range(300):
        extension, function = source.choice(
            ((TIMER, 0), (TIMER, 1), (INTERPROCESSOR, 0), (INTERPROCESSOR, 1), (BASE, 0))
        )
        mask = source.choice((source.getrandbits(64), source.getrandbits(4), 0))
        base = source.choice((0, 1, 3, 4, MASK, 1 << 32))
        powers = [source.choice(list(Power)) for _ in range(HARTS)]
        for caller in callers:
            caller.set(extension, function, mask, base)
            for hart, power in zip(caller.harts, powers, strict=True):
                hart.power, hart.lines[1] = power, 0
        if native.call() is CallOutcome.LEFT:
            assert native.state() == defined.state() and not native.alerts()
            continue
        answered += 1
        for register, value in defined.firmware.answer().registers.items():
            defined.hart.x[register] = value
        assert native.state() == defined.state()
        raised = sum(hart.lines[1] << number for number, hart in enumerate(defined.harts))
        assert native.alerts() == raised
    assert answered > 50


@pytest.mark.parametrize("function", [OF_ALL_SPACES, OF_SPACE])
def test_harts_that_sleep_are_asked_for_fences_and_not_waited_for(
    callers: tuple[Caller, Caller], function: int
) -> None:
    native = callers[0]
    for hart in native.harts:
        hart.state = Activity.IDLE
    native.set(REMOTE_FENCES, function, 0b101, 1, 0, MASK)
    assert native.call() is CallOutcome.FENCED
    assert [hart.fences_asked for hart in native.harts] == [0, 0, 0, FENCE_TRANSLATIONS]
    assert [hart.alert for hart in native.harts] == [0, 0, 0, 1]
    assert list(native.hart.x[A0 : A0 + 2]) == [0, 0]


def test_native_fences_are_asked_of_the_harts_that_the_firmware_asks(
    callers: tuple[Caller, Caller],
) -> None:
    source, spaces = random.Random("spaces"), (0, 7, 8, 0xFFFF)
    native, defined = callers
    for _ in range(200):
        function = source.choice((OF_ALL_SPACES, OF_SPACE))
        mask, space = source.randrange(1, 1 << HARTS), source.choice(spaces)
        satps = [source.getrandbits(64) for _ in range(HARTS)]
        for number in range(HARTS):
            if source.random() < 0.8:
                satps[number] = SV39 | source.choice(spaces) << SPACE_AT | 0x80000
        for caller in callers:
            caller.set(
                REMOTE_FENCES, function, mask, 0, 0, MASK, space | source.choice((0, 1 << 16))
            )
            for hart, satp in zip(caller.harts, satps, strict=True):
                hart.satp, hart.state, hart.fences_asked = satp, Activity.IDLE, 0
        outcome = native.call()
        assert defined.firmware.answer().registers == {A0: 0, A0 + 1: 0}
        asked = {n for n, hart in enumerate(native.harts) if hart.fences_asked}
        own = {CALLER} if outcome is CallOutcome.FENCED else set()
        assert (sorted(asked | own), True, False) == defined.asked.pop()


def test_a_hart_in_another_space_is_not_waited_for(callers: tuple[Caller, Caller]) -> None:
    native = callers[0]
    native.harts[2].state = Activity.RUNNING  # and never looks
    native.harts[2].satp = SV39 | 8 << SPACE_AT
    native.set(REMOTE_FENCES, OF_SPACE, 1, 2, 0, MASK, 7)
    assert native.call() is CallOutcome.ANSWERED
    assert not native.harts[2].fences_asked


def test_a_fence_that_takes_long_is_left_to_the_host(callers: tuple[Caller, Caller]) -> None:
    native = callers[0]
    native.harts[2].state = Activity.RUNNING  # and never looks
    native.set(REMOTE_FENCES, 1, 1, 2, 0, 0)
    assert native.call() is CallOutcome.LEFT
    assert native.hart.x[A0] == 1
    native.harts[2].fences_asked = 0
    native.harts[2].fences_begun = 1  # it is about to do it
    native.hart.fences_asked = FENCE_TRANSLATIONS
    assert native.call() is CallOutcome.LEFT


def test_a_fence_that_is_done_is_answered(callers: tuple[Caller, Caller]) -> None:
    native = callers[0]
    native.set(REMOTE_FENCES, 1, 1, CALLER, 0, 0)
    assert native.call() is CallOutcome.FENCED
    assert all(not hart.fences_asked for hart in native.harts)


@pytest.mark.parametrize(
    ("extension", "function"), [(REMOTE_FENCES, 0), (REMOTE_FENCES, 3), (SYSTEM_RESET, 0), (0, 0)]
)
def test_other_calls_are_left(
    callers: tuple[Caller, Caller], extension: int, function: int
) -> None:
    native = callers[0]
    native.set(extension, function, 1, 0)
    before = native.state()
    assert native.call() is CallOutcome.LEFT
    assert native.state() == before
