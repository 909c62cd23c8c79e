"""What a hart does that waits for another."""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNLIKELY
from mttcg.engine.llvm.ir.values import I64
from mttcg.engine.llvm.places import FRAME
from mttcg.engine.llvm.signature import frame_pointer

PAUSES_PER_YIELD = 128
"""Some microseconds: a lock is held for less, if who holds it has a processor. A power of two."""


def pause(build: Builder) -> None:
    """Emit what lets the host run others now and then: there may be fewer processors than vCPUs."""
    place = build.offset(FRAME, 8 * Word.PAUSES)
    count = build.binary("add", build.load(place, COUNTER, I64), 1)
    build.store(count, place, COUNTER)
    on, run = build.new_block("on"), build.new_block("run")
    left = build.binary("and", count, PAUSES_PER_YIELD - 1)
    build.branch(build.compare("ne", left, 0), on, run, UNLIKELY)
    with build.cold():
        build.begin(run)
        build.run(frame_pointer(build, Word.YIELD))
        build.goto(on)
    build.begin(on)
