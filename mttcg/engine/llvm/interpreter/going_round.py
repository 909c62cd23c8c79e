"""A hart that goes round and changes none of its registers waits for another: that one is let run.

A lock that is taken in turn, as OpenSBI's, waits for one hart at a time, and with fewer processors
than vCPUs that may be one that has none. Such loops need not say that they wait.
"""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, REGISTER
from mttcg.engine.llvm.ir.values import I64
from mttcg.engine.llvm.places import FRAME, HART, PC
from mttcg.engine.llvm.signature import frame_pointer
from mttcg.tbcache.layout import HASH_FACTOR, HASH_STEP

REGISTERS = 32


def let_others_run(build: Builder, isa: InterpretedIsa) -> None:
    """At a look, let the host run others if the hart is as it was at the last one."""
    total: I64 = build.load(PC, COUNTER, I64)
    first = build.offset(HART, isa.llvm.files["x"])
    for number in range(1, REGISTERS):
        value = build.load(build.offset(first, 8 * number), REGISTER, I64)
        factor = (HASH_FACTOR + number * HASH_STEP) % (1 << 64) | 1
        product = build.binary("mul", value, factor - (factor >> 63 << 64))
        total = build.binary("add", total, product)
    place = build.offset(FRAME, 8 * Word.REGISTERS_SEEN)
    same = build.compare("eq", build.load(place, COUNTER, I64), total)
    build.store(total, place, COUNTER)
    on, waits = build.new_block("on"), build.new_block("waits")
    build.branch(same, waits, on)
    build.begin(waits)
    build.run(frame_pointer(build, Word.YIELD))
    build.goto(on)
    build.begin(on)
