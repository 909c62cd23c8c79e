"""What a hart does that waits for another."""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.signature import frame_pointer


def pause(build: Builder) -> None:
    """Emit what lets the host run others: there may be fewer processors than vCPUs."""
    build.run(frame_pointer(build, Word.YIELD))
