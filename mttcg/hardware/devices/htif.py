"""Host-target interface: commands through the words `tohost` and `fromhost` in guest RAM.

There is no specification; the reference is riscv-isa-sim (fesvr: htif.cc, device.cc, syscall.cc)
and what riscv-tests, riscv-pk and OpenSBI do. A command is a non-zero 64-bit value in `tohost`:
device in bits 63:56, command in 55:48, payload in 47:0; an answer in `fromhost` has the same form.

| device | command | what it does | answer's payload |
|---|---|---|---|
| 0 | 0, payload odd | ends the run with payload >> 1 | none |
| 0 | 0, payload even | system call, its block of eight words at the payload | 1 |
| 1 | 0 | reads a character, answered when there is one | 0x100 + character |
| 1 | 1 | sends a character | 0x100 + character |

System calls (numbers as on Linux): write (64) to file descriptors 1 and 2, exit (93); others give
-ENOSYS. Other devices and commands are not answered.
"""

import errno
from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from mttcg.memory.address import Physical
from mttcg.memory.ram import RamAddressError

STATE_SIZE = 16
"""Bytes of shared memory that the interface needs, zeroed."""
WORD_SIZE = 8
WORD_MASK = (1 << 64) - 1
PAYLOAD_MASK = (1 << 48) - 1

DEVICE_SYSTEM, DEVICE_CONSOLE = 0, 1
COMMAND_GETCHAR, COMMAND_PUTCHAR = 0, 1
CHARACTER_HERE = 0x100
SYSTEM_WRITE, SYSTEM_EXIT = 64, 93
WRITE_DESCRIPTORS = (1, 2)
CONSOLE = DEVICE_CONSOLE << 56
PUTCHAR_ANSWER = (CONSOLE | COMMAND_PUTCHAR << 48) >> 48
GETCHAR_ANSWER = (CONSOLE | COMMAND_GETCHAR << 48) >> 48


class HtifByte(IntEnum):
    """Where the interface keeps what `tohost` and `fromhost` don't tell, one byte each."""

    HALVES_WRITTEN = 0
    """4-byte halves of tohost written since the last command: bit 0 low, bit 1 high."""
    GETCHAR_DUE = 1
    """1 while a character was asked for and none has come."""
    HELD_BACK = 2
    """1 when `CHARACTER` is a character taken from the console that waits to be asked for."""
    CHARACTER = 3


REFUSED = slice(8, 16)
"""In the state: how many system calls and commands were refused, little-endian."""


class RamAccess(Protocol):
    """Guest RAM by guest physical address; an access outside it raises `RamAddressError`."""

    def read(self, address: Physical, size: int) -> bytes:
        """Return bytes."""

    def write(self, address: Physical, data: bytes) -> None:
        """Store bytes."""

    def read_word(self, address: Physical) -> int:
        """Return an aligned 64-bit word in one piece."""

    def write_word(self, address: Physical, value: int) -> None:
        """Store an aligned 64-bit word in one piece."""


class HtifRegister:
    """`tohost` or `fromhost` as a device that overlays its 8 bytes of RAM."""

    size = WORD_SIZE
    in_ram = True

    def __init__(
        self, name: str, read: Callable[[int, int], int], write: Callable[[int, int, int], None]
    ) -> None:
        """Pass accesses, as (offset, size) and (offset, size, value), to the interface."""
        self.name = name
        self.read, self.write = read, write


class Htif:
    """The interface; `tohost` and `fromhost` are the devices to be placed in the address map.

    The two words stay in RAM, so they read as what they are by any means. A command runs when
    `tohost` is written: by one 8-byte write; by two 4-byte writes, one of each half, in any order;
    or by a second 4-byte write of the same half (guests that end by a loop of `sw`). Smaller writes
    only store. After a command `tohost` is 0.

    An answer that the guest has not taken (it takes it by writing 0 to `fromhost`): that of a
    sent character, which the reference does not give, makes room for the next command; a character
    read from the console is held back and given again, never lost. Harts that use the interface
    have to do it under a lock, as anywhere.
    """

    def __init__(
        self,
        ram: RamAccess,
        tohost: Physical,
        fromhost: Physical | None,
        state: memoryview,
        finish: Callable[[int], None],
        output: Callable[[bytes], None],
        take_input: Callable[[], int | None],
    ) -> None:
        """Serve the words at guest physical addresses `tohost` and `fromhost`, 8-byte aligned.

        `fromhost` None: nothing is answered.
        `state`: `STATE_SIZE` bytes of shared memory, zeroed.
        `finish(code)`: ends the run. `output`, `take_input`: the console, as for the UART.
        """
        self._ram = ram
        self._tohost_at, self._fromhost_at = tohost, fromhost
        # Shared: written by the hart whose command runs; harts take turns by a lock of the guest's.
        self._state = state
        self._finish = finish
        self._output = output
        self._take_input = take_input
        self.tohost = HtifRegister("htif tohost", self._read_tohost, self._write_tohost)
        self.fromhost = HtifRegister("htif fromhost", self._read_fromhost, self._write_fromhost)

    def registers(self) -> tuple[tuple[Physical, HtifRegister], ...]:
        """Return (guest physical address, device) of each word that is there."""
        if self._fromhost_at is None:
            return ((self._tohost_at, self.tohost),)
        return ((self._tohost_at, self.tohost), (self._fromhost_at, self.fromhost))

    @property
    def refused(self) -> int:
        """How many system calls and commands were refused as unknown."""
        return int.from_bytes(self._state[REFUSED], "little")

    def _read_tohost(self, offset: int, size: int) -> int:
        return int.from_bytes(self._ram.read(Physical(self._tohost_at + offset), size), "little")

    def _write_tohost(self, offset: int, size: int, value: int) -> None:
        _store(self._ram, self._tohost_at, offset, size, value)
        if size == WORD_SIZE:
            self._run_command()
        elif size == WORD_SIZE // 2 and offset in (0, WORD_SIZE // 2):
            half = 2 if offset else 1
            written = self._state[HtifByte.HALVES_WRITTEN]
            self._state[HtifByte.HALVES_WRITTEN] = written | half
            if written:
                self._run_command()

    def _read_fromhost(self, offset: int, size: int) -> int:
        assert self._fromhost_at is not None
        self._deliver_character()
        return int.from_bytes(self._ram.read(Physical(self._fromhost_at + offset), size), "little")

    def _write_fromhost(self, offset: int, size: int, value: int) -> None:
        assert self._fromhost_at is not None
        _store(self._ram, self._fromhost_at, offset, size, value)

    def _run_command(self) -> None:
        """Do what `tohost` says and set it to 0."""
        self._state[HtifByte.HALVES_WRITTEN] = 0
        command = self._ram.read_word(self._tohost_at)
        if command == 0:
            return
        self._withdraw_putchar_answer()
        # The answer is stored before tohost is cleared: who sees 0 there finds it.
        handlers = {
            (DEVICE_SYSTEM, 0): self._system,
            (DEVICE_CONSOLE, COMMAND_GETCHAR): self._get_character,
            (DEVICE_CONSOLE, COMMAND_PUTCHAR): self._put_character,
        }
        handler = handlers.get((command >> 56, command >> 48 & 0xFF), self._refuse)
        handler(command & PAYLOAD_MASK)
        self._ram.write_word(self._tohost_at, 0)

    def _refuse(self, payload: int) -> None:
        """Count what is not known."""
        self._state[REFUSED] = (self.refused + 1).to_bytes(8, "little")

    def _put_character(self, payload: int) -> None:
        self._output(bytes((payload & 0xFF,)))
        if self._unread_answer() == 0:
            self._answer(DEVICE_CONSOLE, COMMAND_PUTCHAR, CHARACTER_HERE | payload & 0xFF)

    def _get_character(self, payload: int) -> None:
        self._state[HtifByte.GETCHAR_DUE] = 1
        self._deliver_character()

    def _deliver_character(self) -> None:
        """Answer a request for a character if one has come and the last answer was taken."""
        state = self._state
        if self._fromhost_at is None or not state[HtifByte.GETCHAR_DUE] or self._unread_answer():
            return
        if state[HtifByte.HELD_BACK]:
            state[HtifByte.HELD_BACK] = 0
            character: int | None = state[HtifByte.CHARACTER]
        else:
            character = self._take_input()
        if character is not None:
            state[HtifByte.GETCHAR_DUE] = 0
            self._answer(DEVICE_CONSOLE, COMMAND_GETCHAR, CHARACTER_HERE | character & 0xFF)

    def _system(self, payload: int) -> None:
        """End the run, or do the system call whose number and arguments are at the payload."""
        if payload & 1:
            self._finish(payload >> 1)
            return
        try:
            words = self._ram.read(Physical(payload), 8 * WORD_SIZE)
            number, *arguments = (
                int.from_bytes(words[i : i + WORD_SIZE], "little")
                for i in range(0, len(words), WORD_SIZE)
            )
            result = self._system_call(number, arguments)
            self._ram.write(Physical(payload), (result & WORD_MASK).to_bytes(WORD_SIZE, "little"))
        except RamAddressError:
            # the block itself is not in RAM: there is nowhere to put a result
            self._refuse(payload)
            return
        self._hold_back_character()
        self._answer(DEVICE_SYSTEM, 0, 1)

    def _system_call(self, number: int, arguments: list[int]) -> int:
        """Return the result of a system call, a negative errno if it fails."""
        if number == SYSTEM_EXIT:
            self._finish(arguments[0] & 0xFFFFFFFF)
            return 0
        if number != SYSTEM_WRITE:
            self._refuse(number)
            return -errno.ENOSYS
        descriptor, address, size = arguments[:3]
        if descriptor not in WRITE_DESCRIPTORS:
            return -errno.EBADF
        try:
            data = self._ram.read(Physical(address), size)
        except RamAddressError:
            return -errno.EFAULT
        self._output(data)
        return size

    def _unread_answer(self) -> int:
        """Return what `fromhost` holds, 0 if the guest took it (or has no such word)."""
        return 0 if self._fromhost_at is None else self._ram.read_word(self._fromhost_at)

    def _withdraw_putchar_answer(self) -> None:
        if self._fromhost_at is not None and self._unread_answer() >> 48 == PUTCHAR_ANSWER:
            self._ram.write_word(self._fromhost_at, 0)

    def _hold_back_character(self) -> None:
        """Keep a character that the guest asked for but did not take, for after this answer."""
        unread = self._unread_answer()
        if unread >> 48 == GETCHAR_ANSWER:
            self._state[HtifByte.CHARACTER] = unread & 0xFF
            self._state[HtifByte.HELD_BACK] = self._state[HtifByte.GETCHAR_DUE] = 1

    def _answer(self, device: int, command: int, payload: int) -> None:
        if self._fromhost_at is not None:
            self._ram.write_word(self._fromhost_at, device << 56 | command << 48 | payload)


def _store(ram: RamAccess, word: Physical, offset: int, size: int, value: int) -> None:
    """Store the low `size` bytes of `value`; a whole word in one piece."""
    if size == WORD_SIZE:
        ram.write_word(word, value & WORD_MASK)
    else:
        data = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        ram.write(Physical(word + offset), data)
