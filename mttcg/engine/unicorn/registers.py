"""The guest's registers, which Unicorn holds while it runs."""

import ctypes

import unicorn

from mttcg.engine.unicorn.frame import FrameWords
from mttcg.engine.unicorn.unicorn_isa import UnicornIsa
from mttcg.memory.address import Virtual

COPY = ctypes.CFUNCTYPE(None, ctypes.c_uint64)


class UnicornRegisters:
    """Reads and writes them, and copies them to and from the hart's state.

    Args:
        engine: which holds them.
        frame: says where the hart's state is.
        unicorn_isa: the ISA's numbers and functions.
    """

    def __init__(
        self,
        engine: unicorn.Uc,
        frame: FrameWords,
        unicorn_isa: UnicornIsa,
    ) -> None:
        self.engine, self.frame, self.unicorn_isa = engine, frame, unicorn_isa
        hooks = unicorn_isa.hooks
        self._spill_integer, self._spill_float, self._fill = (
            COPY(function) for function in (hooks.spill_integer, hooks.spill_float, hooks.fill)
        )

    def read_x(self, register: int) -> int:
        """An integer register."""
        return int(self.engine.reg_read(self.unicorn_isa.integer + register))

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; register 0 is left alone."""
        if register:
            self.engine.reg_write(self.unicorn_isa.integer + register, value)

    def read_f(self, register: int) -> int:
        """A floating-point register, its 64 bits."""
        return int(self.engine.reg_read(self.unicorn_isa.floating + register))

    def write_f(self, register: int, value: int) -> None:
        """Write the 64 bits of a floating-point register."""
        self.engine.reg_write(self.unicorn_isa.floating + register, value)

    def read_pc(self) -> Virtual:
        """The program counter."""
        return Virtual(int(self.engine.reg_read(self.unicorn_isa.pc)))

    def spill_integer(self) -> None:
        """Copy the integer registers to the hart's state."""
        self._spill_integer(self.frame.ctypes.data)

    def spill(self) -> None:
        """Copy all registers to the hart's state."""
        self._spill_integer(self.frame.ctypes.data)
        self._spill_float(self.frame.ctypes.data)

    def fill(self) -> None:
        """Take all registers from the hart's state."""
        self._fill(self.frame.ctypes.data)

    def enable_float(self, enabled: bool) -> None:
        """Let floating-point instructions run, or make them illegal."""
        self.unicorn_isa.enable_float(self.engine, enabled)
