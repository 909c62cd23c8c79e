"""Handlers for code of which every block counts in one table, and nothing else is attached.

They are as others but for how a block is entered. So records are as well, and all that fills them;
only which handlers a page has differs.
"""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.handler import Handler
from mttcg.engine.llvm.interpreter.operations import count_in_table
from mttcg.engine.llvm.interpreter.shared import NEXT_PAGE, is_function
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I64, Pointer
from mttcg.engine.llvm.places import CONTEXT
from mttcg.engine.llvm.signature import BLOCK, IP, RUNNING, frame_word, handler_of, tail_call

ENTERED_COUNTED = "entered_counted"


class CountingHandler(Handler):
    """A handler that has the blocks counted that it enters."""

    def entry_of(self, ip: Pointer) -> Pointer:
        """What enters the block that begins with a record."""
        return Pointer(f"@{ENTERED_COUNTED}")


def entered_counted(build: Builder) -> None:
    """Count a block in the one table, in the contexts that it is for, and run it.

    Not where it is entered in its translation, which counts it itself, or behind the page's end,
    where it is not in this page.
    """
    handler = handler_of(build, IP)
    here, counts, on = (build.new_block(word) for word in ("here", "counts", "on"))
    place, translated = build.cast("ptrtoint", handler, I64), frame_word(build, Word.TRANSLATED)
    elsewhere = is_function(build, handler, NEXT_PAGE)
    either = build.binary("or", build.compare("eq", place, translated), elsewhere)
    build.branch(either, on, here)
    build.begin(here)
    context = build.load(CONTEXT, COUNTER, I64)
    bits = build.binary("and", context, frame_word(build, Word.COUNTED_MASK))
    wanted = build.compare("eq", bits, frame_word(build, Word.COUNTED_THERE))
    build.branch(wanted, counts, on)
    build.begin(counts)
    count_in_table(build)
    build.goto(on)
    build.begin(on)
    tail_call(build, handler, IP, RUNNING, BLOCK)
