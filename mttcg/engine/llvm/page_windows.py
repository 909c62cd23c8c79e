"""Page windows: pages that a function of code for translated addresses has found, at hand.

In a loop, accesses by way of one register mostly stay in a page for many rounds. So the function
keeps for such a register, from one access to the next, where the page is that was accessed last,
and one comparison tells whether the next access is all in it. Only if not is the row of the page
asked. Windows are values of the function: they are empty when it is entered, and gone when control
leaves it, which it does for all that may change rows. Only Python, called from within, may change
them, too: windows are emptied behind that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mttcg.engine.llvm.address_rows import (
    DATA_MASK,
    DATA_SHIFT,
    DISTANCE,
    READ_TAG,
    WRITE_TAG,
)
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import REGISTER, ROW, UNKNOWN, UNLIKELY, AliasClass
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I64, ZERO, BasicBlock, Pointer, constant
from mttcg.engine.llvm.places import HERE, ROWS
from mttcg.memory.address import PageOffset
from mttcg.memory.page import PAGE

ASK_NAME, ASK_CONVENTION = "@ask_rows", "preserve_mostcc"
"""What asks the rows about an access that no window can show, and leaves registers as they are."""
LENGTH_BITS = 8
"""One number tells it what it is asked: the bytes of the access less 1, and above, the tag."""
REFUSED = -1


@dataclass(slots=True)
class RowQuestion:
    """What the row is asked where an access is not in its window.

    Attributes:
        first: the address of its first byte.
        ask: where the row is asked; then control goes on, or off if the access is not allowed.
        single: the bytes of the one that comes first.
        length: bytes of all for which there is one look, and `stores`, whether one of them stores.
    """

    first: I64
    ask: BasicBlock
    on: BasicBlock
    off: BasicBlock
    single: int
    length: int = 0
    stores: bool = False


class PageWindow:
    """The page in which accesses by way of one register were last.

    Args:
        number: of the window.

    Attributes:
        before: where the function has what is added to an address for its distance into the page.
        width: and at how many distances an access may begin, so that the window's longest is all in
            the page; 0 while the window is empty.
        host: and the host address that the guest's address 0 would have.
        questions: what rows are asked for it.
        longest: bytes of the longest access, and `stores`, whether one of them stores.
    """

    def __init__(self, number: int) -> None:
        self.before, self.width, self.host = (
            Pointer(f"%window_{name}{number}") for name in ("before", "width", "host")
        )
        self.questions: list[RowQuestion] = []
        self.longest, self.stores = 0, False

    def learn(self, length: int, stores: bool) -> None:
        """Learn of accesses that are looked at together."""
        self.longest, self.stores = max(self.longest, length), self.stores or stores


class PageWindows:
    """The windows of a function.

    Args:
        builder: of the function.
        sites: the accesses that have one, and its number.
    """

    def __init__(self, builder: Builder, sites: Mapping[PageOffset, int]) -> None:
        self.builder, self.sites = builder, sites
        self.windows: dict[int, PageWindow] = {}

    def window_at(self, place: PageOffset) -> PageWindow | None:
        """The window of the access at a place, if it has one."""
        number = self.sites.get(place)
        if number is None:
            return None
        if number not in self.windows:
            self.windows[number] = PageWindow(number)
        return self.windows[number]

    def holds(self, window: PageWindow, first: I64) -> I1:
        """Whether an access that begins at an address is in the window."""
        build = self.builder
        into = build.binary("add", first, build.load(window.before, REGISTER, I64))
        return build.compare("ult", into, build.load(window.width, REGISTER, I64))

    def begin(self) -> None:
        """Have places for the windows, which are empty."""
        for window in self.windows.values():
            for place in (window.before, window.width, window.host):
                self.builder.allocate(place)
                self.builder.store(ZERO, place, REGISTER)

    def empty(self) -> None:
        """Empty them, as rows may have changed."""
        for window in self.windows.values():
            self.builder.store(ZERO, window.width, REGISTER)

    def ask(self) -> None:
        """Emit all questions, once all accesses of the windows are known."""
        for window in self.windows.values():
            for question in window.questions:
                self._ask(window, question)

    def _ask(self, window: PageWindow, question: RowQuestion) -> None:
        """In `found` the window shows the page; in `other` the access is allowed or not."""
        build, other = self.builder, question.off
        build.begin(question.ask)
        last = build.binary("add", question.first, question.length - 1)
        tag = _tag(window.stores)
        row, end, shown = _row_of(build, question.first, constant(tag), last, ROW)
        if question.length > question.single or tag != _tag(question.stores):
            other = build.new_block("other")
        found = build.new_block("found")
        build.branch(shown, found, other, UNLIKELY)
        build.begin(found)
        build.store(build.binary("sub", constant(PAGE - 1), end), window.before, REGISTER)
        build.store(constant(PAGE - window.longest + 1), window.width, REGISTER)
        distance = build.load(build.offset(row, DISTANCE), ROW, I64)
        build.store(build.binary("add", distance, HERE), window.host, REGISTER)
        build.goto(question.on)
        if other is not question.off:
            build.begin(other)
            self._ask_otherwise(window, question)

    def _ask_otherwise(self, window: PageWindow, question: RowQuestion) -> None:
        """Ask about what goes over the page's end, or needs less of it than the window does."""
        build = self.builder
        number = _tag(question.stores) << LENGTH_BITS | question.length - 1
        given = ROWS, question.first, number
        distance = build.call(I64, ASK_NAME, *given, convention=ASK_CONVENTION)
        build.store(ZERO, window.width, REGISTER)
        build.store(build.binary("add", distance, HERE), window.host, REGISTER)
        good = build.compare("ne", distance, REFUSED)
        build.branch(good, question.on, question.off, UNLIKELY)


@cache
def ask_function() -> str:
    """The text of what asks the rows, for a module that needs it: the distance, or REFUSED.

    An access goes over a page's end without harm if what it needs lies together in RAM, too.
    """
    first, question = I64("%first"), I64("%question")
    name = f"internal {ASK_CONVENTION} i64 {ASK_NAME}"
    function = Function(name, (ROWS, first, question), "noinline #0", aliased=True)
    build = Builder(function)
    build.begin(build.new_block("entry"))
    tag = build.binary("lshr", question, LENGTH_BITS)
    last = build.binary("add", first, build.binary("and", question, (1 << LENGTH_BITS) - 1))
    rows = [_row_of(build, address, tag, address, UNKNOWN) for address in (first, last)]
    distance, other = (build.load(build.offset(row, DISTANCE), UNKNOWN, I64) for row, *_ in rows)
    allowed = build.binary("and", rows[0][2], rows[1][2])
    together = build.binary("and", allowed, build.compare("eq", distance, other))
    build.give(build.select(together, distance, REFUSED, I64))
    return "\n".join(function.text(advice=False))


def _row_of(
    build: Builder, address: I64, tag: I64, last: I64, memory: AliasClass
) -> tuple[Pointer, I64, I1]:
    """The row of an address, the last one of a page, and whether the row is of that page."""
    place = build.binary("and", build.binary("lshr", address, DATA_SHIFT), DATA_MASK)
    row, end = build.offset(ROWS, place), build.binary("or", last, PAGE - 1)
    return row, end, build.compare("eq", build.load(build.offset(row, tag), memory, I64), end)


def _tag(stores: bool) -> int:
    return WRITE_TAG if stores else READ_TAG
