"""What an instruction asks of the hart's state before it runs."""

from collections.abc import Callable

from mttcg.engine.llvm.control import ControlFlow
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I64
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.places import HART
from mttcg.isa.operations import Operations, StateFields
from mttcg.state.words import WORD_BYTES


class StateChecks:
    """Emits them, and reads fields of the state.

    Args:
        isa: the guest's.
        builder: of the function.
        exits: the ways out.
        control: how an instruction is left to the host.
    """

    def __init__(self, isa: LlvmIsa, builder: Builder, exits: Exits, control: ControlFlow) -> None:
        self.isa, self.builder, self.exits, self.control = isa, builder, exits, control

    def read_state(self, field: str, number: int = 0) -> I64:
        """See StateFields."""
        place = self.builder.offset(HART, self.isa.state[field] + WORD_BYTES * number)
        return self.builder.load(place, COUNTER, I64)

    def illegal(
        self,
        ops: Operations[I64],
        word: int,
        unless: Callable[[Operations[I64], StateFields[I64]], I64] | None = None,
    ) -> None:
        """Leave, as an illegal instruction, unless the state allows the instruction."""
        if unless is None:
            self.control.leave(word)
            return
        good = self.builder.compare("ne", unless(ops, self), 0)
        self.exits.illegal_unless(good, word)
