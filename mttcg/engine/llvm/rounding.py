"""The host's floating-point control register, MXCSR, while translated code runs.

It holds the guest's rounding mode, and gathers the flags of what was computed; whenever control
goes elsewhere the flags join fcsr, and others find the mode that they expect. (Intel 64 and IA-32
Architectures Software Developer's Manual, volume 1, section 10.2.3; Unprivileged ISA 20.2.)
"""

from functools import cache

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import UNKNOWN
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I32, I64, Pointer
from mttcg.engine.llvm.places import FLOAT_CONTROL, FRAME

DEFAULT = 0x1F80
"""All exceptions masked, to nearest, no flag, subnormal numbers as they are."""
CONTROL_SHIFT = 13
CONTROLS = 0b10_01_11_00
"""The two bits of rounding control for each frm, its own at 2 * frm; to nearest for all others."""
FLAGS = ((5, 0), (4, 1), (3, 2), (2, 3), (0, 4))
"""Bits of MXCSR and of fflags: inexact, underflow, overflow, division by zero, invalid."""
FRM_SHIFT = 5
CALL_OUT_NAME = "@call_out"


def leave(build: Builder) -> None:
    """Let the flags join fcsr, and have the default."""
    at = build.offset(FRAME, 8 * Word.MXCSR)
    build.run("@llvm.x86.sse.stmxcsr", at)
    control = build.cast("zext", build.load(at, UNKNOWN, I32), I64)
    found = build.load(FLOAT_CONTROL, UNKNOWN, I64)
    for source, target in FLAGS:
        down, up = max(source - target, 0), max(target - source, 0)
        moved = build.binary("lshr" if down else "shl", control, down or up)
        found = build.binary("or", found, build.binary("and", moved, 1 << target))
    build.store(found, FLOAT_CONTROL, UNKNOWN)
    _load(build, I32(DEFAULT))


def enter(build: Builder) -> None:
    """Have the guest's rounding mode, and no flag."""
    frm = build.binary("lshr", build.load(FLOAT_CONTROL, UNKNOWN, I64), FRM_SHIFT)
    twice = build.binary("shl", build.binary("and", frm, 7), 1)
    control = build.binary("and", build.binary("lshr", I64(CONTROLS), twice), 3)
    whole = build.binary("or", build.binary("shl", control, CONTROL_SHIFT), DEFAULT)
    _load(build, build.cast("trunc", whole, I32))


def _load(build: Builder, value: I32) -> None:
    at = build.offset(FRAME, 8 * Word.MXCSR)
    build.store(value, at, UNKNOWN)
    build.run("@llvm.x86.sse.ldmxcsr", at)


def call_out(build: Builder, function: Pointer, *arguments: I64 | int) -> None:
    """Call a function of the host that takes six arguments; see `call_out_function`."""
    build.run(CALL_OUT_NAME, FLOAT_CONTROL, FRAME, function, *arguments)


@cache
def call_out_function() -> str:
    """A function that lets the host compute in between; once in a module that calls out."""
    callee = Pointer("%function")
    arguments = [I64(f"%{name}") for name in ("data", "a", "b", "c", "d", "e")]
    parameters = (FLOAT_CONTROL, FRAME, callee, *arguments)
    function = Function(f"internal void {CALL_OUT_NAME}", parameters, "noinline #0", aliased=True)
    build = Builder(function)
    leave(build)
    build.run(callee, *arguments)
    enter(build)
    build.end(returns=True)
    return "\n".join(function.text(advice=False))
