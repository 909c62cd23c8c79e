"""The host's floating-point control register, MXCSR, while translated code runs.

It holds the guest's rounding mode, and gathers the flags of what was computed; whenever control
goes elsewhere the flags join the guest's float control, and others find the mode that they expect.
(Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, section 10.2.3.)
"""

from dataclasses import dataclass
from functools import cached_property

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import UNKNOWN
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I32, I64, Pointer
from mttcg.engine.llvm.places import FLOAT_CONTROL, FRAME

DEFAULT = 0x1F80
"""All exceptions masked, to nearest, no flag, subnormal numbers as they are."""
CONTROL_SHIFT = 13
CALL_OUT_NAME = "@call_out"


@dataclass(frozen=True)
class FloatControl:
    """An ISA's float control, a field of the hart's state, and what it is in MXCSR.

    Attributes:
        offset: of the field, in bytes.
        mode_shift: the lowest bit of the rounding mode.
        modes: how many there can be, a power of two.
        controls: MXCSR's two bits of rounding control for mode n, at 2 * n.
        flags: bits of MXCSR and of the field: inexact, underflow, overflow, division by zero,
            invalid.
    """

    offset: int
    mode_shift: int
    modes: int
    controls: int
    flags: tuple[tuple[int, int], ...]


class HostFloat:
    """Emits what keeps MXCSR; nothing for an ISA without floating point.

    Args:
        control: of the ISA, None if it has no floating point.
    """

    def __init__(self, control: FloatControl | None) -> None:
        self.control = control

    def leave(self, build: Builder) -> None:
        """Let the flags join float control, and have the default."""
        if self.control is None:
            return
        at = build.offset(FRAME, 8 * Word.MXCSR)
        build.run("@llvm.x86.sse.stmxcsr", at)
        raised = build.cast("zext", build.load(at, UNKNOWN, I32), I64)
        found = build.load(FLOAT_CONTROL, UNKNOWN, I64)
        for source, target in self.control.flags:
            down, up = max(source - target, 0), max(target - source, 0)
            moved = build.binary("lshr" if down else "shl", raised, down or up)
            found = build.binary("or", found, build.binary("and", moved, 1 << target))
        build.store(found, FLOAT_CONTROL, UNKNOWN)
        _load(build, I32(DEFAULT))

    def enter(self, build: Builder) -> None:
        """Have the guest's rounding mode, and no flag."""
        control = self.control
        if control is None:
            return
        mode = build.binary("lshr", build.load(FLOAT_CONTROL, UNKNOWN, I64), control.mode_shift)
        twice = build.binary("shl", build.binary("and", mode, control.modes - 1), 1)
        bits = build.binary("and", build.binary("lshr", I64(control.controls), twice), 3)
        whole = build.binary("or", build.binary("shl", bits, CONTROL_SHIFT), DEFAULT)
        _load(build, build.cast("trunc", whole, I32))

    def call_out(self, build: Builder, function: Pointer, *arguments: I64 | int) -> None:
        """Call a function of the host that takes six arguments; see `call_out_function`."""
        if self.control is None:
            build.run(function, *arguments)
        else:
            build.run(CALL_OUT_NAME, FLOAT_CONTROL, FRAME, function, *arguments)

    @cached_property
    def call_out_function(self) -> str:
        """A function that lets the host compute in between; once in a module that calls out."""
        callee = Pointer("%function")
        arguments = [I64(f"%{name}") for name in ("data", "a", "b", "c", "d", "e")]
        parameters = (FLOAT_CONTROL, FRAME, callee, *arguments)
        name = f"internal void {CALL_OUT_NAME}"
        function = Function(name, parameters, "noinline #0", aliased=True)
        build = Builder(function)
        self.leave(build)
        build.run(callee, *arguments)
        self.enter(build)
        build.end(returns=True)
        return "\n".join(function.text(advice=False))


def _load(build: Builder, value: I32) -> None:
    at = build.offset(FRAME, 8 * Word.MXCSR)
    build.store(value, at, UNKNOWN)
    build.run("@llvm.x86.sse.ldmxcsr", at)
