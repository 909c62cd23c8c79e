"""A rounding mode of one instruction: MXCSR has it meanwhile, if it has another otherwise."""

from typing import NamedTuple

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I1, I32, I64
from mttcg.engine.llvm.places import FLOAT_CONTROL, FRAME
from mttcg.engine.llvm.rounding import CONTROL_SHIFT, FloatControl

CONTROL_BITS = 3 << CONTROL_SHIFT


class Meanwhile(NamedTuple):
    """How MXCSR is to be again: whether it is, and its bits of rounding control."""

    same: I1
    before: I64


class RoundingModes:
    """Emits changes of MXCSR around one operation. The flags in it stay.

    Args:
        builder: of the function.
        control: the guest's float control, whose mode is in MXCSR otherwise.
    """

    def __init__(self, builder: Builder, control: FloatControl) -> None:
        self.builder, self.control = builder, control

    def begin(self, mode: int | I64) -> Meanwhile:
        """Have a mode, which may be known only when code runs."""
        build, control = self.builder, self.control
        before = self._control_of(
            build.binary("lshr", build.load(FLOAT_CONTROL, COUNTER, I64), control.mode_shift)
        )
        wanted: I64 | int
        wanted = (control.controls >> 2 * mode & 3) if isinstance(mode, int) else 0
        if isinstance(mode, I64):
            wanted = self._control_of(mode)
        same = build.compare("eq", before, wanted)
        self._unless(same, wanted)
        return Meanwhile(same, before)

    def end(self, meanwhile: Meanwhile) -> None:
        """Have the mode of before."""
        self._unless(meanwhile.same, meanwhile.before)

    def save(self) -> I32:
        """MXCSR, for `restore`, which drops the flags that come in between."""
        at = self.builder.offset(FRAME, 8 * Word.MXCSR)
        self.builder.run("@llvm.x86.sse.stmxcsr", at)
        return self.builder.load(at, UNKNOWN, I32)

    def restore(self, saved: I32) -> None:
        """Have what was saved."""
        at = self.builder.offset(FRAME, 8 * Word.MXCSR)
        self.builder.store(saved, at, UNKNOWN)
        self.builder.run("@llvm.x86.sse.ldmxcsr", at)

    def _control_of(self, mode: I64) -> I64:
        """MXCSR's bits for a mode of the guest."""
        build = self.builder
        twice = build.binary("shl", build.binary("and", mode, self.control.modes - 1), 1)
        return build.binary("and", build.binary("lshr", I64(self.control.controls), twice), 3)

    def _unless(self, same: I1, wanted: I64 | int) -> None:
        build = self.builder
        other, on = build.new_block("mode"), build.new_block("moded")
        build.branch(same, on, other)
        build.begin(other)
        whole = build.cast("zext", self.save(), I64)
        kept = build.binary("and", whole, ~CONTROL_BITS)
        if isinstance(wanted, int):
            placed = build.binary("or", kept, wanted << CONTROL_SHIFT)
        else:
            placed = build.binary("or", kept, build.binary("shl", wanted, CONTROL_SHIFT))
        self.restore(build.cast("trunc", placed, I32))
        build.goto(on)
        build.begin(on)
