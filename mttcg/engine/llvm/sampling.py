"""How native code adds a sample of where it is."""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I1, I64, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.state.samples import PLACES, POSITION, RING
from mttcg.state.words import WORD_BYTES


def add_sample(build: Builder, pc: I64) -> I1:
    """Add one to this vCPU's samples; the bit whether the translator is to be woken."""
    part = build.load(build.offset(FRAME, WORD_BYTES * Word.SAMPLES), COUNTER, Pointer)
    at = build.offset(part, WORD_BYTES * POSITION)
    position = build.load(at, UNKNOWN, I64)
    distance = build.binary("shl", build.binary("and", position, RING - 1), 3)
    place = build.offset(build.offset(part, distance), WORD_BYTES * PLACES)
    build.store(pc, place, UNKNOWN)
    build.store(build.binary("add", position, 1), at, UNKNOWN)
    asleep = build.load(build.offset(FRAME, WORD_BYTES * Word.ASLEEP), COUNTER, Pointer)
    return build.compare("ne", build.load_atomic(asleep, "monotonic", I64), 0)
