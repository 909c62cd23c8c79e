"""The guest's registers, which Unicorn holds while it runs."""

import ctypes
from typing import Any

import numpy as np
import unicorn
from unicorn import riscv_const

from mttcg.engine.unicorn import hooks

PRIVILEGE, USER, MACHINE = riscv_const.UC_RISCV_REG_PRIV, 0, 3
FLOAT_ON = 3 << 13

spill_integer = ctypes.CFUNCTYPE(None, ctypes.c_uint64)(hooks.spill_integer.address)
spill_float = ctypes.CFUNCTYPE(None, ctypes.c_uint64)(hooks.spill_float.address)
fill = ctypes.CFUNCTYPE(None, ctypes.c_uint64)(hooks.fill.address)


class UnicornRegisters:
    """Reads and writes them, and copies them to and from the hart state.

    Args:
        engine: which holds them.
        frame: says where the hart state is.
    """

    def __init__(self, engine: unicorn.Uc, frame: "np.ndarray[Any, np.dtype[np.uint64]]") -> None:
        self.engine, self.frame = engine, frame

    def read_x(self, register: int) -> int:
        """An integer register."""
        return int(self.engine.reg_read(riscv_const.UC_RISCV_REG_X0 + register))

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; register 0 is left alone."""
        if register:
            self.engine.reg_write(riscv_const.UC_RISCV_REG_X0 + register, value)

    def read_f(self, register: int) -> int:
        """A floating-point register, its 64 bits."""
        return int(self.engine.reg_read(riscv_const.UC_RISCV_REG_F0 + register))

    def write_f(self, register: int, value: int) -> None:
        """Write the 64 bits of a floating-point register."""
        self.engine.reg_write(riscv_const.UC_RISCV_REG_F0 + register, value)

    def spill_integer(self) -> None:
        """Copy the integer registers to the hart state."""
        spill_integer(self.frame.ctypes.data)

    def spill(self) -> None:
        """Copy all registers to the hart state."""
        spill_integer(self.frame.ctypes.data)
        spill_float(self.frame.ctypes.data)

    def fill(self) -> None:
        """Take all registers from the hart state."""
        fill(self.frame.ctypes.data)

    def enable_float(self, enabled: bool) -> None:
        """Let floating-point instructions run, or make them illegal (mstatus.FS)."""
        self.engine.reg_write(PRIVILEGE, MACHINE)
        self.engine.reg_write(riscv_const.UC_RISCV_REG_MSTATUS, FLOAT_ON if enabled else 0)
        self.engine.reg_write(PRIVILEGE, USER)
