"""Floating point of the guest: operations, fcsr, and whether it is on."""

from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Reason
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I64, Pointer, constant
from mttcg.engine.llvm.places import FLOAT_CONTROL
from mttcg.engine.llvm.riscv64.float_function import FRM_SHIFT
from mttcg.engine.llvm.riscv64.floats import RiscvFloats
from mttcg.engine.llvm.riscv64.nearest_away import NEAREST_AWAY
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.segment import Segment
from mttcg.isa.riscv64.status import MSTATUS_FS

STATUS = Pointer("%status")
"""Where the hart's state has mstatus."""
HOST_MODES = 4
"""All but to nearest with ties to the larger magnitude; their numbers come first."""


class FloatState:
    """The part of `Operations` that is floating point.

    Args:
        builder: of the function.
        segment: that is being emitted.
        exits: the ways out.
        host: keeps its floating-point control.

    Attributes:
        used, for_lacking_mode: see FloatWords.
    """

    def __init__(self, builder: Builder, segment: Segment, exits: Exits, host: HostFloat) -> None:
        self.builder, self.segment, self.exits, self.host = builder, segment, exits, host
        self.floats = RiscvFloats(builder, host)
        self.used = self.for_lacking_mode = False

    def float(self, operation: str, rounding: int | I64, *operands: I64) -> I64:
        """A floating-point operation."""
        self.used = True
        self.segment.restart = None  # it may raise flags
        self.floats.is_away = self.for_lacking_mode
        return self.floats.emit(operation, rounding, operands)

    def require_float(self, word: int, rounds: bool = False) -> None:
        """Leave, as an illegal instruction, if mstatus.FS is off; it stays on within a block."""
        self._require_on(word)
        if rounds:
            self._require_rounding(word)

    def _require_on(self, word: int) -> None:
        if self._is_new(Reason.SYSTEM):
            build = self.builder
            field = build.binary("and", build.load(STATUS, COUNTER, I64), MSTATUS_FS)
            on = build.compare("ne", field, 0)
            self.exits.illegal_unless(on, word)

    def _require_rounding(self, word: int) -> None:
        """Leave if fcsr.frm holds another mode than the code is for, or a reserved one."""
        if self._is_new(Reason.ROUNDING):
            build = self.builder
            mode = build.binary("lshr", build.load(FLOAT_CONTROL, COUNTER, I64), FRM_SHIFT)
            if self.for_lacking_mode:
                good = build.compare("eq", mode, NEAREST_AWAY)
            else:
                good = build.compare("ule", mode, HOST_MODES - 1)
            self.exits.leave_unless(good, Reason.ROUNDING, constant(word), retired=1)

    def _is_new(self, reason: Reason) -> bool:
        """Whether a look was not made yet in this segment."""
        if reason in self.segment.checked:
            return False
        self.segment.checked.add(reason)
        return True

    def read_float_control(self) -> I64:
        """The floating-point control and status register."""
        self.host.leave(self.builder)
        self.host.enter(self.builder)
        return self.builder.load(FLOAT_CONTROL, COUNTER, I64)

    def write_float_control(self, value: I64) -> None:
        """Write fcsr."""
        self.segment.restart = None
        self.builder.store(value, FLOAT_CONTROL, COUNTER)
        self.host.enter(self.builder)
        self.segment.checked.discard(Reason.ROUNDING)
