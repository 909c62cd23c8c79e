"""RISC-V of 64 bits in Unicorn."""

import unicorn

from mttcg.engine.unicorn.riscv64.extremes import compute_extreme, is_computed
from mttcg.engine.unicorn.riscv64.limits import UnicornLimits
from mttcg.engine.unicorn.riscv64.numbers import F0, MSTATUS, PC, PRIVILEGE, X0
from mttcg.engine.unicorn.unicorn_isa import Hooks, UnicornIsa
from mttcg.instrument.native.native_functions import native_address
from mttcg.isa.riscv64.system import float_enabled

USER, MACHINE = 0, 3
HOOKS, ATOMICS, COPIES = (
    f"mttcg.engine.unicorn.riscv64.{n}" for n in ("hooks", "atomics", "copies")
)
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
        on_block=native_address(HOOKS, "on_block"),
        on_instruction=native_address(HOOKS, "on_instruction"),
        on_access=native_address(HOOKS, "on_access"),
        on_exception=native_address(ATOMICS, "on_exception"),
        on_breakpoint=native_address(ATOMICS, "on_breakpoint"),
        retire_pending=native_address(HOOKS, "retire_pending"),
        spill_integer=native_address(COPIES, "spill_integer"),
        spill_float=native_address(COPIES, "spill_float"),
        fill=native_address(COPIES, "fill"),
    ),
    enable_float=enable_float,
    float_enabled=float_enabled,
    is_computed=is_computed,
    compute=compute_extreme,
    make_limits=UnicornLimits,
)
