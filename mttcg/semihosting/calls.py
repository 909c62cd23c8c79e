"""The calls of one hart: what each operation does, and what the guest gets back."""

import errno
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from mttcg.errors import MttcgError
from mttcg.memory.address import Virtual, page_start
from mttcg.memory.page import PAGE
from mttcg.semihosting.files import FileAnswer
from mttcg.semihosting.operations import (
    APPLICATION_EXIT,
    CONSOLE,
    FAILED_STATUS,
    SemihostingOperation,
    flags_of,
)
from mttcg.state.words import MASK, WORD_BYTES

INPUT, OUTPUT, ERROR_OUTPUT = 1, 2, 3
"""Handles of the console; what is written to either of the last two goes there."""
CONSOLE_HANDLES = (INPUT, INPUT, OUTPUT, OUTPUT, ERROR_OUTPUT, ERROR_OUTPUT)
"""By half of the mode in which the console is opened."""
CHUNK = 1 << 16
"""Most bytes that are on their way at a time."""
LONGEST_NAME = 4096
CENTISECONDS, NANOSECONDS = 100, 1_000_000_000
"""In a second."""
NO_ANSWER = -1


class BadAddressError(MttcgError):
    """The guest gave an address where it has no RAM."""

    def __init__(self, address: int) -> None:
        super().__init__(f"there is no RAM at {address:#x}")
        self.address = address


class CallError(MttcgError):
    """A call that can't be done; number: an errno."""

    def __init__(self, number: int) -> None:
        super().__init__(f"a call failed with error {number}")
        self.number = number


class ProgramInfo(NamedTuple):
    """What a program is told of itself.

    Attributes:
        command_line: its name and its arguments.
        free: where the RAM that nothing lies in begins, and where it ends.
    """

    command_line: str
    free: tuple[int, int]


class CallPorts(Protocol):
    """What the calls of a hart need."""

    timebase: int

    def read_memory(self, address: Virtual, size: int) -> bytes:
        """Bytes of the guest's memory; raises BadAddressError."""

    def write_memory(self, address: Virtual, data: bytes) -> None:
        """Write bytes of the guest's memory; raises BadAddressError."""

    def send(self, data: bytes) -> None:
        """Show bytes at the console."""

    def receive(self, most: int) -> bytes:
        """What was typed, after waiting for something; nothing at its end, or the run's."""

    def time(self) -> int:
        """Ticks of the guest's clock since the start, `timebase` a second."""

    def real_time(self) -> int:
        """Nanoseconds since 1970, as the guest's machine has it."""

    def finish(self, status: int) -> None:
        """End the run with a status."""

    def file(
        self, operation: SemihostingOperation, handle: int, number: int, data: bytes
    ) -> FileAnswer:
        """Do an operation on files, see `GuestFiles.do`."""

    def begin_program(self, process: int) -> int:
        """The guest's first process is about to let a program run; 1 if it may by now, else 0."""

    def warn(self, text: str) -> None:
        """Tell the user something, once."""


class SemihostingCalls:
    """Does the calls of one hart.

    Args:
        host: what they need.
        program: what the guest is told of itself.
    """

    def __init__(self, host: CallPorts, program: ProgramInfo) -> None:
        self.host, self.program, self.errno = host, program, 0
        self.operations: Mapping[int, Callable[[Virtual], int]] = {
            SemihostingOperation.OPEN: self._open,
            SemihostingOperation.CLOSE: self._close,
            SemihostingOperation.WRITEC: self._write_character,
            SemihostingOperation.WRITE0: self._write_string,
            SemihostingOperation.WRITE: self._write,
            SemihostingOperation.READ: self._read,
            SemihostingOperation.READC: self._read_character,
            SemihostingOperation.ISERROR: self._is_error,
            SemihostingOperation.ISTTY: self._is_terminal,
            SemihostingOperation.SEEK: self._seek,
            SemihostingOperation.FLEN: self._length,
            SemihostingOperation.TMPNAM: self._temporary_name,
            SemihostingOperation.REMOVE: self._remove,
            SemihostingOperation.RENAME: self._rename,
            SemihostingOperation.CLOCK: self._clock,
            SemihostingOperation.TIME: self._time,
            SemihostingOperation.ERRNO: self._errno,
            SemihostingOperation.GET_CMDLINE: self._command_line,
            SemihostingOperation.HEAPINFO: self._heap,
            SemihostingOperation.EXIT: self._exit,
            SemihostingOperation.EXIT_EXTENDED: self._exit,
            SemihostingOperation.ELAPSED: self._elapsed,
            SemihostingOperation.TICKFREQ: self._frequency,
            SemihostingOperation.BEGIN_PROGRAM: self.host.begin_program,
        }

    def call(self, operation: int, parameter: int) -> int:
        """Do an operation; what the guest gets for it."""
        does = self.operations.get(operation)
        if does is None:
            self.host.warn(f"semihosting operation {operation:#x} is not supported: it fails")
            self.errno = errno.ENOSYS
            return NO_ANSWER & MASK
        try:
            return does(Virtual(parameter)) & MASK
        except BadAddressError:
            self.errno = errno.EFAULT
        except CallError as error:
            self.errno = error.number
        return NO_ANSWER & MASK

    def _block(self, address: Virtual, fields: int) -> list[int]:
        """The words of a call's block."""
        data = self.host.read_memory(address, WORD_BYTES * fields)
        return list(memoryview(data).cast("Q"))

    def _name(self, address: int, size: int) -> bytes:
        """A name, ended by a zero as others are."""
        if size > LONGEST_NAME:
            raise CallError(errno.ENAMETOOLONG)
        name = self.host.read_memory(Virtual(address), size)
        if b"\0" in name:
            raise CallError(errno.EINVAL)
        return name + b"\0"

    def _file(
        self, operation: SemihostingOperation, handle: int = 0, number: int = 0, data: bytes = b""
    ) -> FileAnswer:
        answer = self.host.file(operation, handle, number, data)
        if answer.error:
            raise CallError(answer.error)
        return answer

    def _open(self, parameter: Virtual) -> int:
        name, mode, size = self._block(parameter, 3)
        named = self._name(name, size)
        if flags_of(mode) is None:
            raise CallError(errno.EINVAL)
        if named == CONSOLE.encode() + b"\0":
            return CONSOLE_HANDLES[mode // 2]
        return self._file(SemihostingOperation.OPEN, number=mode, data=named).value

    def _close(self, parameter: Virtual) -> int:
        (handle,) = self._block(parameter, 1)
        return (
            0 if handle in CONSOLE_HANDLES else self._file(SemihostingOperation.CLOSE, handle).value
        )

    def _write_character(self, parameter: Virtual) -> int:
        self.host.send(self.host.read_memory(parameter, 1))
        return 0

    def _write_string(self, parameter: Virtual) -> int:
        """Up to the zero, page by page: nobody says how long it is."""
        at = parameter
        while True:
            data = self.host.read_memory(at, page_start(at) + PAGE - at)
            text, zero, _ = data.partition(b"\0")
            self.host.send(text)
            if zero:
                return 0
            at = Virtual(at + len(data))

    def _write(self, parameter: Virtual) -> int:
        """Gives how many bytes were not written."""
        handle, address, size = self._block(parameter, 3)
        done = 0
        for place, part in _chunks(address, size):
            try:
                data = self.host.read_memory(place, part)
                if handle in (OUTPUT, ERROR_OUTPUT):
                    self.host.send(data)
                    done += part
                    continue
                written = self._file(SemihostingOperation.WRITE, handle, data=data).value
            except (BadAddressError, CallError) as error:
                self.errno = error.number if isinstance(error, CallError) else errno.EFAULT
                break
            done += written
            if written < part:
                break
        return size - done

    def _read(self, parameter: Virtual) -> int:
        """Gives how many bytes were not read; all if there are no more."""
        handle, address, size = self._block(parameter, 3)
        if handle == INPUT:
            data = self.host.receive(min(size, CHUNK)) if size else b""
            self.host.write_memory(Virtual(address), data)
            return size - len(data)
        done = 0
        for place, part in _chunks(address, size):
            data = self._file(SemihostingOperation.READ, handle, part).data
            self.host.write_memory(place, data)
            done += len(data)
            if len(data) < part:
                break
        return size - done

    def _read_character(self, _parameter: Virtual) -> int:
        data = self.host.receive(1)
        return data[0] if data else NO_ANSWER

    def _is_error(self, parameter: Virtual) -> int:
        (status,) = self._block(parameter, 1)
        return status >> 63

    def _is_terminal(self, parameter: Virtual) -> int:
        (handle,) = self._block(parameter, 1)
        return (
            1 if handle in CONSOLE_HANDLES else self._file(SemihostingOperation.ISTTY, handle).value
        )

    def _seek(self, parameter: Virtual) -> int:
        handle, place = self._block(parameter, 2)
        if handle in CONSOLE_HANDLES:
            raise CallError(errno.ESPIPE)
        if place >> 63:
            raise CallError(errno.EINVAL)
        return self._file(SemihostingOperation.SEEK, handle, place).value

    def _length(self, parameter: Virtual) -> int:
        (handle,) = self._block(parameter, 1)
        return (
            0 if handle in CONSOLE_HANDLES else self._file(SemihostingOperation.FLEN, handle).value
        )

    def _temporary_name(self, parameter: Virtual) -> int:
        address, number, size = self._block(parameter, 3)
        name = b"semihosting-%02x.tmp\0" % (number & 0xFF)
        if number > 0xFF or len(name) > size:
            raise CallError(errno.EINVAL)
        self.host.write_memory(Virtual(address), name)
        return 0

    def _remove(self, parameter: Virtual) -> int:
        name, size = self._block(parameter, 2)
        return self._file(SemihostingOperation.REMOVE, data=self._name(name, size)).value

    def _rename(self, parameter: Virtual) -> int:
        old, old_size, new, new_size = self._block(parameter, 4)
        names = self._name(old, old_size) + self._name(new, new_size)
        return self._file(SemihostingOperation.RENAME, data=names).value

    def _clock(self, _parameter: Virtual) -> int:
        return self.host.time() * CENTISECONDS // self.host.timebase

    def _time(self, _parameter: Virtual) -> int:
        return self.host.real_time() // NANOSECONDS

    def _errno(self, _parameter: Virtual) -> int:
        return self.errno

    def _command_line(self, parameter: Virtual) -> int:
        address, size = self._block(parameter, 2)
        text = self.program.command_line.encode(errors="surrogateescape")
        if len(text) + 1 > size:
            raise CallError(errno.E2BIG)
        self.host.write_memory(Virtual(address), text + b"\0")
        self.host.write_memory(Virtual(parameter + WORD_BYTES), _words(len(text)))
        return 0

    def _heap(self, parameter: Virtual) -> int:
        """Heap from below and stack from above share the free RAM."""
        (block,) = self._block(parameter, 1)
        base, end = self.program.free
        self.host.write_memory(Virtual(block), _words(base, end, end, base))
        return 0

    def _exit(self, parameter: Virtual) -> int:
        reason, status = self._block(parameter, 2)
        if reason != APPLICATION_EXIT:
            self.host.warn(f"the guest ended by semihosting with the reason {reason:#x}")
            status = FAILED_STATUS
        self.host.finish(status)
        return 0

    def _elapsed(self, parameter: Virtual) -> int:
        self.host.write_memory(parameter, _words(self.host.time()))
        return 0

    def _frequency(self, _parameter: Virtual) -> int:
        return self.host.timebase


def _words(*values: int) -> bytes:
    return b"".join((value & MASK).to_bytes(WORD_BYTES, "little") for value in values)


def _chunks(address: int, size: int) -> Iterator[tuple[Virtual, int]]:
    """Parts of an area of the guest's memory, in order."""
    for at in range(0, size, CHUNK):
        yield Virtual(address + at & MASK), min(CHUNK, size - at)
