"""What the Unicorn engine has to know of an ISA, as a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import unicorn

from mttcg.engine.isa_part import isa_part
from mttcg.isa.base import Isa
from mttcg.memory.address import HostAddress, Virtual

HOOKS = "mttcg.engine.unicorn.hooks"
"""The module of those that are of no ISA."""


@dataclass(frozen=True)
class Hooks:
    """Addresses of the C functions, made by numba, that uc_hook_add takes.

    retire_pending, spill_integer, spill_float and fill are for the engine to call.
    """

    on_block: HostAddress
    on_instruction: HostAddress
    on_access: HostAddress
    on_exception: HostAddress
    on_breakpoint: HostAddress
    retire_pending: HostAddress
    spill_integer: HostAddress
    spill_float: HostAddress
    fill: HostAddress


@dataclass(frozen=True)
class UnicornIsa:
    """One ISA in Unicorn.

    Attributes:
        make: a Unicorn that runs it, at user level.
        pc: Unicorn's number of the program counter.
        integer: its number of the first integer register; the others follow.
        floating: its number of the first floating-point register.
        hooks: native functions.
        enable_float: lets floating-point instructions run, or makes them illegal.
        float_enabled: whether the state says that they run.
        is_computed: whether an instruction that Unicorn came back for is computed by `compute`.
        compute: runs one over the state, at the state's pc; the pc behind it.
        make_limits: given a function to warn by, looks at the words of blocks for what Unicorn
            does wrong.
    """

    make: Callable[[], unicorn.Uc]
    pc: int
    integer: int
    floating: int
    hooks: Hooks
    enable_float: Callable[[unicorn.Uc, bool], None]
    float_enabled: Callable[[Any], bool]
    is_computed: Callable[[Any, int], bool]
    compute: Callable[[Any, int], Virtual]
    make_limits: Callable[[Callable[[str], None]], Any]


def unicorn_isa(isa: Isa) -> UnicornIsa:
    """What the engine has for an ISA."""
    found: UnicornIsa = isa_part("unicorn", isa)
    return found
