"""RISC-V of 64 bits in Unicorn."""

import unicorn

from mttcg.engine.unicorn.riscv64 import atomics, copies, hooks
from mttcg.engine.unicorn.riscv64.extremes import compute_extreme, is_computed
from mttcg.engine.unicorn.riscv64.limits import UnicornLimits
from mttcg.engine.unicorn.riscv64.numbers import F0, MSTATUS, PC, PRIVILEGE, X0
from mttcg.engine.unicorn.unicorn_isa import Hooks, UnicornIsa
from mttcg.isa.riscv64.system import float_enabled

USER, MACHINE = 0, 3
FLOAT_ON = 3 << 13
"""Of mstatus: the field FS."""


def make() -> unicorn.Uc:
    """A Unicorn at user level."""
    engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    engine.reg_write(PRIVILEGE, USER)
    return engine


def enable_float(engine: unicorn.Uc, enabled: bool) -> None:
    """Let floating-point instructions run, or make them illegal (mstatus.FS)."""
    engine.reg_write(PRIVILEGE, MACHINE)
    engine.reg_write(MSTATUS, FLOAT_ON if enabled else 0)
    engine.reg_write(PRIVILEGE, USER)


UNICORN = UnicornIsa(
    make=make,
    pc=PC,
    integer=X0,
    floating=F0,
    hooks=Hooks(
        on_block=hooks.on_block,
        on_instruction=hooks.on_instruction,
        on_access=hooks.on_access,
        on_exception=atomics.on_exception,
        on_breakpoint=atomics.on_breakpoint,
        retire_pending=hooks.retire_pending,
        spill_integer=copies.spill_integer,
        spill_float=copies.spill_float,
        fill=copies.fill,
    ),
    enable_float=enable_float,
    float_enabled=float_enabled,
    is_computed=is_computed,
    compute=compute_extreme,
    make_limits=UnicornLimits,
)
