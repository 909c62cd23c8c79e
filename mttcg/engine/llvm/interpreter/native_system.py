"""What a vCPU has native code know of traps, and what it is told of them."""

import ctypes
import math
from typing import Any

import numpy as np

from mttcg.engine.base import NativeDevices
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.device_functions import FIELDS
from mttcg.engine.llvm.interpreter.state_words import NANOSECONDS
from mttcg.engine.llvm.interpreter.system_functions import BEFORE_TRAP, LAST_TRAP
from mttcg.instrument.native.native_functions import native_address
from mttcg.isa.system import Trap
from mttcg.memory.address import HostAddress, Virtual
from mttcg.memory.host import address_of_array, address_of_function
from mttcg.memory.native_registers import FunctionWord, PlacedRegisters

NO_TRAP = (1 << 64) - 1
"""In the place of a cause: no trap was taken natively."""


class InterpretedSystem:
    """See `mttcg.engine.base.NativeSystem`.

    Args:
        frame: words of native code.
    """

    def __init__(self, frame: "np.ndarray[Any, np.dtype[np.uint64]]") -> None:
        self.frame = frame
        self.let_traps(0, None, None)

    def let_traps(self, number: int, last: Trap | None, before: Trap | None) -> None:
        """See NativeSystem."""
        self.let = number
        self.frame[Word.TRAPS_UNSEEN] = number
        for words, trap in ((LAST_TRAP, last), (BEFORE_TRAP, before)):
            given = (NO_TRAP, 0, 0) if trap is None else (trap.cause, trap.pc, trap.value)
            for word, value in zip(words, given, strict=True):
                self.frame[word] = value

    def let_accesses(self, allowed: bool) -> None:
        """See NativeSystem."""
        self.frame[Word.ACCESSES_UNSEEN] = allowed

    def passed_traps(self) -> tuple[Trap, Trap | None] | None:
        """See NativeSystem."""
        if int(self.frame[Word.TRAPS_UNSEEN]) == self.let:
            return None
        last, before = (self._trap(*words) for words in (LAST_TRAP, BEFORE_TRAP))
        assert last is not None
        return last, before

    def _trap(self, cause: Word, pc: Word, value: Word) -> Trap | None:
        if int(self.frame[cause]) == NO_TRAP:
            return None
        code, address, further = (int(self.frame[word]) for word in (cause, pc, value))
        return Trap(code, Virtual(address), further)


def row_of(placed: PlacedRegisters, words: HostAddress) -> tuple[int, ...]:
    """A row of registers, as `device_functions.FIELDS` has it; words: of its function."""
    what = placed.registers
    size = what.size * placed.number
    masks = what.mask, what.raises
    data, state = what.data, placed.state
    if what.function is not None:
        data, state = native_address(*what.function), words
    return placed.base, size, what.size, what.kind, data, *masks, state


def words_of_device(placed: PlacedRegisters, devices: NativeDevices) -> dict[FunctionWord, int]:
    """What the function of a device is given of that."""
    return {
        FunctionWord.STATE: placed.state,
        FunctionWord.CONTROLLER: placed.controller,
        FunctionWord.SOURCE: placed.source,
        FunctionWord.BELL: devices.bells.get(placed.device, 0),
    }


def words_of_machine(devices: NativeDevices) -> dict[FunctionWord, int]:
    """What each function is given."""
    libc = ctypes.CDLL(None)
    return {
        FunctionWord.HARTS: devices.harts,
        FunctionWord.HART_COUNT: len(devices.wake_fds),
        FunctionWord.TAKE: address_of_function(libc.pthread_mutex_lock),
        FunctionWord.MEND: address_of_function(libc.pthread_mutex_consistent),
        FunctionWord.RELEASE: address_of_function(libc.pthread_mutex_unlock),
        FunctionWord.WRITE: address_of_function(libc.write),
        FunctionWord.READ: address_of_function(libc.read),
        FunctionWord.IOCTL: address_of_function(libc.ioctl),
        FunctionWord.OUTPUT: devices.console,
        FunctionWord.INPUT: devices.input,
    }


class DeviceTables:
    """The tables of native code's accesses to devices, as long as they are used.

    Args:
        frame: words of native code.
        devices: what it has to know.
    """

    def __init__(
        self, frame: "np.ndarray[Any, np.dtype[np.uint64]]", devices: NativeDevices
    ) -> None:
        self.words = np.zeros((len(devices.registers) + 1, FunctionWord.WORDS), dtype=np.uint64)
        for place, given in words_of_machine(devices).items():
            self.words[:, place] = given
        rows = []
        for words, placed in zip(self.words[:-1], devices.registers, strict=True):
            for place, given in words_of_device(placed, devices).items():
                words[place] = given
            rows.append(row_of(placed, address_of_array(words)))
        if devices.firmware is not None:
            frame[Word.FIRMWARE] = native_address(*devices.firmware)
            frame[Word.FIRMWARE_WORDS] = address_of_array(self.words[-1])
        self.rows = np.array(rows, dtype=np.uint64).reshape(-1, len(FIELDS))
        self.wake = np.array(devices.wake_fds, dtype=np.uint64)
        libc = ctypes.CDLL(None)
        start = address_of_array(self.rows)
        for word, value in {
            Word.REGISTERS: start,
            Word.REGISTERS_END: start + self.rows.nbytes,
            Word.HARTS: devices.harts,
            Word.WAKE: address_of_array(self.wake),
            Word.WRITE: address_of_function(libc.write),
            Word.IOCTL: address_of_function(libc.ioctl),
            Word.CONSOLE: devices.console,
            Word.INPUT: devices.input,
            Word.INPUT_BEGAN: devices.input_began,
        }.items():
            frame[word] = value


def set_clock(
    frame: "np.ndarray[Any, np.dtype[np.uint64]]", origin: HostAddress, timebase: int
) -> None:
    """Tell native code of the guest's clock: where its origin is, and its ticks a second."""
    function = ctypes.CDLL(None).clock_gettime
    common = math.gcd(timebase, NANOSECONDS)
    frame[Word.CLOCK] = ctypes.cast(function, ctypes.c_void_p).value or 0
    frame[Word.CLOCK_ORIGIN] = origin
    frame[Word.TICKS], frame[Word.TICKS_PER] = timebase // common, NANOSECONDS // common
