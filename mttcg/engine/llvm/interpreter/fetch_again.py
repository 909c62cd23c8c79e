"""Fetching changed code in a handler."""

from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I64, ZERO, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.engine.llvm.signature import frame_word
from mttcg.engine.tracking.layout import LEFT


def fetch_again(build: Builder, exits: Exits) -> None:
    """Fetch changed pages as they are now; leave the instruction to the host if that has to.

    Behind it the next block is to be looked for by its address.
    """
    look, left, on = (build.new_block(word) for word in ("look", "left", "on"))
    function = build.load(build.offset(FRAME, 8 * Word.FETCH), COUNTER, Pointer)
    build.branch(build.compare("ne", build.cast("ptrtoint", function, I64), 0), look, left)
    build.begin(look)
    came_of = build.call(I64, function, frame_word(build, Word.FETCH_ARGUMENT))
    build.branch(build.compare("eq", came_of, LEFT), left, on)
    build.begin(left)
    exits.leave(Reason.SYSTEM, ZERO, 0)
    build.begin(on)
