"""The toy ISA in the llvm engine: all that there is to say."""

from toy_isa import ROWS, SELECTORS, ToyCode
from toy_system import ToyState

from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.state.words import offsets_of

LLVM = LlvmIsa(files={"x": offsets_of(ToyState)["r"]})
INTERPRETED = InterpretedIsa("toy", ToyCode(), ROWS, LLVM, lengths=(4,), selectors=SELECTORS)
