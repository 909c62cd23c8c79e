"""One instruction at a time on bare Unicorn and on the interpreter, from the same state."""

from dataclasses import dataclass, field
from typing import Any

import unicorn
from unicorn import riscv_const as names

from mttcg.isa.interpreted_memory import LeftInstruction
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.system import Trap
from mttcg.state.words import MASK

CODE, CODE_SIZE = 0xA000_0000, 1 << 20
DATA, DATA_SIZE = 0x9000_0000, 4096
STRIDE = 64
FLOAT_ON = 3 << 13
ATOMIC = 0x2F
STORE_CONDITIONAL = 0x1800_A02F
"""sc.w zero, zero, (ra)"""
LOAD_RESERVED = {4: 0x1000_A02F, 8: 0x1000_B02F}
"""lr.w and lr.d zero, (ra), by size"""
X = [names.UC_RISCV_REG_X0 + number for number in range(32)]
F = [names.UC_RISCV_REG_F0 + number for number in range(32)]
EVERYTHING = [*X[1:], *F, names.UC_RISCV_REG_FCSR, names.UC_RISCV_REG_PC]
FETCH_ERRORS = (unicorn.UC_ERR_FETCH_UNMAPPED, unicorn.UC_ERR_FETCH_PROT)
"""After a jump: Unicorn already looks at what comes next."""
STOPPED = "stopped"
"""The outcome of an instruction that does not complete: a trap, or left to the host."""


@dataclass
class State:
    """What one instruction starts from; `x` is x1 to x31."""

    word: int
    x: list[int]
    f: list[int]
    fcsr: int = 0
    data: bytes = bytes(DATA_SIZE)
    reserved: tuple[int, int] | None = None
    """Address and size of an LR that goes before, if any."""


@dataclass(frozen=True)
class After:
    """What it leaves: the registers that changed, by name."""

    changed: dict[str, int] = field(default_factory=dict)
    data: bytes = b""
    outcome: str = ""


def _changed(
    before: State, pc: int, x: list[int], f: list[int], fcsr: int, after: int
) -> dict[str, int]:
    pairs = {f"x{n + 1}": (a, b) for n, (a, b) in enumerate(zip(before.x, x, strict=True))}
    pairs |= {f"f{n}": (a, b) for n, (a, b) in enumerate(zip(before.f, f, strict=True))}
    pairs["fcsr"] = (before.fcsr, fcsr)
    found = {name: new for name, (old, new) in pairs.items() if old != new}
    return found | {"pc": after - pc & MASK}


def interpret(before: State, pc: int) -> After:
    """Run an instruction on the interpreter; the pc of the outcome is relative."""
    hart = Interpreter(bytearray(before.data), DATA, pc, [0, *before.x], [*before.f], before.fcsr)
    if before.reserved:
        hart.load_reserved(*before.reserved)
    outcome = hart.step(before.word)
    if isinstance(outcome, Trap | LeftInstruction):
        return After(outcome=STOPPED)
    return After(_changed(before, pc, hart.x[1:], hart.f, hart.fcsr, hart.pc), bytes(hart.memory))


class Stepper:
    """Bare Unicorn, with the floating-point unit on."""

    def __init__(self) -> None:
        self.engine: Any = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self.engine.mem_map(CODE, CODE_SIZE)
        self.engine.mem_map(DATA, DATA_SIZE)
        self.engine.reg_write(names.UC_RISCV_REG_MSTATUS, FLOAT_ON)
        self.engine.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self.pc = CODE
        self.trapped = False

    def _on_exception(self, engine: Any, _number: int, _data: Any) -> None:
        self.trapped = True
        engine.emu_stop()

    def _place(self, word: int) -> int:
        """Put an instruction at a fresh address."""
        self.pc = self.pc + STRIDE if self.pc + 2 * STRIDE < CODE + CODE_SIZE else CODE
        self.engine.mem_write(self.pc, word.to_bytes(4, "little"))
        # a jump may have led here before, and what was here then been translated
        self.engine.ctl_remove_cache(self.pc, self.pc + 4)
        return self.pc

    def _reserve(self, reserved: tuple[int, int] | None) -> None:
        """Drop the reservation, by an SC, then make the one that is wanted."""
        address, size = reserved or (DATA, 4)
        for word in (STORE_CONDITIONAL, LOAD_RESERVED[size])[: 2 if reserved else 1]:
            self.engine.reg_write(X[1], address)
            self.engine.emu_start(self._place(word), 1, count=1)

    def runs(self, word: int) -> bool:
        """Whether it takes a word for an instruction, with registers that point to data."""
        engine, pc = self.engine, self._place(word)
        engine.reg_write_batch([(register, DATA + DATA_SIZE // 2) for register in X[1:]])
        self.trapped = False
        try:
            engine.emu_start(pc, 1, count=1)
        except unicorn.UcError as error:
            return error.errno in FETCH_ERRORS and engine.reg_read(names.UC_RISCV_REG_PC) != pc
        return not self.trapped

    def run(self, before: State) -> After:
        """Run an instruction; the pc of the outcome is relative."""
        engine = self.engine
        if before.word & 0x7F == ATOMIC:
            self._reserve(before.reserved)
        pc = self._place(before.word)
        engine.mem_write(DATA, before.data)
        values = [*before.x, *before.f, before.fcsr, pc]
        engine.reg_write_batch(list(zip(EVERYTHING, values, strict=True)))
        self.trapped = False
        try:
            engine.emu_start(pc, 1, count=1)
        except unicorn.UcError as error:
            if error.errno not in FETCH_ERRORS or engine.reg_read(names.UC_RISCV_REG_PC) == pc:
                return After(outcome=STOPPED)
        if self.trapped:
            return After(outcome=STOPPED)
        found = [int(value) for value in engine.reg_read_batch(EVERYTHING)]
        changed = _changed(before, pc, found[:31], found[31:63], found[63], found[64])
        return After(changed, bytes(engine.mem_read(DATA, DATA_SIZE)))
