"""A vCPU as a plugin sees it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from mttcg.instrument.api.instruction import GuestInstruction
from mttcg.instrument.api.process import GuestProcess
from mttcg.instrument.api.values import code_address, whole_number, word
from mttcg.instrument.errors import BadValueError, StateUnavailableError, UnknownRegisterError
from mttcg.isa.base import Registers
from mttcg.isa.context import CONTEXT_MASK, level_of, space_of
from mttcg.memory.address import Physical, Virtual


class StateAccess(Protocol):
    """What reaches a vCPU's registers and the guest's memory."""

    def read_x(self, register: int) -> int:
        """An integer register."""

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register."""

    def read_f(self, register: int) -> int:
        """A floating-point register's bits."""

    def write_f(self, register: int, value: int) -> None:
        """Write a floating-point register's bits."""

    @property
    def levels(self) -> Mapping[str, int]:
        """The levels of privilege of its ISA, by name."""

    @property
    def context(self) -> int:
        """The level and address space of the hart, see `mttcg.isa.context`."""

    def move(self, pc: Virtual) -> None:
        """Go on at another pc."""

    def read_memory(self, address: Virtual, size: int) -> bytes:
        """Bytes of guest memory."""

    def physical(self, address: Virtual) -> Physical:
        """The physical address of a virtual one."""

    def write_memory(self, address: Virtual, data: bytes) -> None:
        """Write bytes of guest memory."""


class CallbackPhase:
    """What a vCPU is at when a callback runs, or does not: what may be touched then."""

    TRANSLATION = "before a block is translated"
    MEMORY = "in a memory callback, where the instruction is half done"
    BEHIND = "behind an instruction, when control goes on already"
    EXACT = "in a callback"
    ELSEWHERE = "outside of the callbacks of its own vCPU"


_READABLE = {CallbackPhase.MEMORY, CallbackPhase.BEHIND, CallbackPhase.EXACT}


class Cpu:
    """One vCPU, in the process that runs it.

    Attributes:
        index: its number, 0 for the first.
        count: how many vCPUs the guest has.
    """

    def __init__(
        self,
        index: int,
        count: int,
        access: StateAccess,
        registers: Registers,
        instruction_at: Callable[[Virtual], GuestInstruction] | None = None,
        current_process: Callable[[], GuestProcess | None] | None = None,
    ) -> None:
        self.index, self.count = index, count
        self._instruction_at = instruction_at
        self._current_process = current_process
        self._registers = registers
        self._access = access
        self._phase = CallbackPhase.ELSEWHERE
        self._pc = Virtual(0)

    def __index__(self) -> int:
        return self.index

    def __repr__(self) -> str:
        return f"Cpu({self.index})"

    def open(self, phase: str, pc: Virtual) -> tuple[str, Virtual]:
        """Open the vCPU to a callback; what to give `close` behind it. Used by the runtime."""
        before = self._phase, self._pc
        self._phase, self._pc = phase, pc
        return before

    def close(self, before: tuple[str, Virtual]) -> None:
        """Undo `open`."""
        self._phase, self._pc = before

    @property
    def pc(self) -> int:
        """Guest-virtual address of the instruction or block that the callback belongs to.

        Set it to go on elsewhere: that instruction or block is not run then. Setting it to what
        it is changes nothing. Where there is no code, the guest takes an instruction access
        fault; an odd address, or one of more than 64 bits, raises BadValueError.
        """
        return self._pc

    @pc.setter
    def pc(self, value: int) -> None:
        self._check("moving pc", {CallbackPhase.EXACT})
        address = code_address("pc", value)
        if address != self._pc:
            self._pc = address
            self._access.move(address)

    @property
    def mode(self) -> str:
        """The level of privilege of the code at `pc`: "user", "supervisor" or "machine".

        In `plugin_trap` that is the code which was interrupted; "" if the ISA has no levels.
        """
        level = level_of(self._access.context)
        names = (name for name, number in self._access.levels.items() if number == level)
        return next(names, "")

    @property
    def space(self) -> int:
        """The address space of the code at `pc`, as one number; 0 where it is not translated.

        It is the page number of the root of the page tables, as satp has it: while a space
        exists no other has its number. An ASID is no part of it.
        """
        return space_of(self._access.context)

    @property
    def context(self) -> int:
        """Mode and space as one number, as records have it; see `events.space_of`."""
        return self._access.context & CONTEXT_MASK

    def _check(self, asked: str, phases: set[str]) -> None:
        if self._phase not in phases:
            raise StateUnavailableError(asked, self._phase)

    def read_register(self, name: str) -> int:
        """A register by its ABI or architectural name ("a0", "x10", "fa0", "pc").

        Floating-point registers give their 64 bits. Raises StateUnavailableError when it is not
        exact, as before a translation, and UnknownRegisterError.
        """
        file, number = self._find(name)
        self._check(f"register {name}", _READABLE)
        if file == "pc":
            return self._pc
        return self._access.read_x(number) if file == "x" else self._access.read_f(number)

    def write_register(self, name: str, value: int) -> None:
        """Write a register, by name; x0 stays zero.

        The value is a whole number of 64 bits, signed or not; BadValueError for others.
        """
        file, number = self._find(name)
        if file == "pc":
            self.pc = value
            return
        self._check(f"writing register {name}", {CallbackPhase.EXACT})
        bits = word(f"register {name}", value)
        if file == "x":
            self._access.write_x(number, bits)
        else:
            self._access.write_f(number, bits)

    def _find(self, name: str) -> tuple[str, int]:
        try:
            return self._registers.index[name]
        except (KeyError, TypeError):
            raise UnknownRegisterError(name) from None

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes of guest RAM, as they are now; other vCPUs may be writing them.

        Raises StateUnavailableError before a translation, NotRamError for what is not RAM, and
        BadValueError for what is no whole number.
        """
        self._check("memory", _READABLE)
        place, size = Virtual(whole_number("address", address)), whole_number("size", size)
        return self._access.read_memory(place, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes of guest RAM. The guest sees it as code when it
        asks for that, as for what it writes itself.

        `data` is what Python takes for bytes: those of a numpy array as well. Raises as
        `read_memory` does.
        """
        self._check("writing memory", _READABLE)
        try:
            plain = memoryview(data).tobytes()
        except TypeError:
            raise BadValueError("data", data, "bytes") from None
        place = Virtual(whole_number("address", address))
        self._access.write_memory(place, plain)

    def instruction(self, pc: int) -> GuestInstruction:
        """The instruction at an address, taken apart; also in `plugin_pre_translate`.

        It is read from RAM as that is now. Raises NotRamError where there is none, and
        BadValueError for an address that no instruction can have.
        """
        assert self._instruction_at is not None, "whoever runs plugins gives it"
        return self._instruction_at(code_address("pc", pc))

    @property
    def process(self) -> GuestProcess | None:
        """The process that runs on this vCPU, in the kernel as well; None before there is one.

        It is the thread, or the vCPU's idle task. Each time the kernel's structures are read. For
        Linux guests; raises NoKernelError for others, and StateUnavailableError before a
        translation.
        """
        self._check("the process", _READABLE)
        assert self._current_process is not None, "whoever runs plugins gives it"
        return self._current_process()

    def physical(self, address: int) -> int:
        """Guest-physical address of a virtual one, as the vCPU's page tables map it now.

        Raises NotRamError if they do not.
        """
        place = Virtual(word("address", address))
        return self._access.physical(place)
