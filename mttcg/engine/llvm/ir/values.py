"""What instructions work on: typed values, constants, blocks to go to, and what is known later."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, ClassVar, TypeAlias, TypeVar

from mttcg.errors import MttcgError


class DeferredTwiceError(MttcgError):
    """What is supplied later was supplied a second time, or read before it was there."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} was supplied twice, or is used before it was supplied")


class Value(str):
    """A value: the text by which instructions name it. Its class is its type.

    Attributes:
        type: as LLVM spells it.
        prefix: what the names of such values begin with.
    """

    __slots__ = ()
    type: ClassVar[str] = ""
    prefix: ClassVar[str] = ""


class I1(Value):
    """A bit, as comparisons give it."""

    __slots__ = ()
    type, prefix = "i1", "t"


class I3(Value):
    """3 bits, as a field of a register may have."""

    __slots__ = ()
    type, prefix = "i3", "i3_"


class I5(Value):
    """5 bits."""

    __slots__ = ()
    type, prefix = "i5", "i5_"


class I8(Value):
    """8 bits."""

    __slots__ = ()
    type, prefix = "i8", "i8_"


class I16(Value):
    """16 bits."""

    __slots__ = ()
    type, prefix = "i16", "i16_"


class I32(Value):
    """32 bits."""

    __slots__ = ()
    type, prefix = "i32", "i32_"


class I64(Value):
    """64 bits, as the guest's registers have."""

    __slots__ = ()
    type, prefix = "i64", "v"


class I128(Value):
    """128 bits."""

    __slots__ = ()
    type, prefix = "i128", "i128_"


class Pointer(Value):
    """A host address."""

    __slots__ = ()
    type, prefix = "ptr", "p"


class Single(Value):
    """A floating-point number of 32 bits."""

    __slots__ = ()
    type, prefix = "float", "float_"


class Double(Value):
    """A floating-point number of 64 bits."""

    __slots__ = ()
    type, prefix = "double", "double_"


class Exchanged8(Value):
    """What a compare-and-swap of 8 bits gives: what was there, and whether it stored."""

    __slots__ = ()
    type, prefix = "{ i8, i1 }", "exchanged8_"


class Exchanged16(Value):
    """What a compare-and-swap of 16 bits gives."""

    __slots__ = ()
    type, prefix = "{ i16, i1 }", "exchanged16_"


class Exchanged32(Value):
    """What a compare-and-swap of 32 bits gives."""

    __slots__ = ()
    type, prefix = "{ i32, i1 }", "exchanged32_"


class Exchanged64(Value):
    """What a compare-and-swap of 64 bits gives."""

    __slots__ = ()
    type, prefix = "{ i64, i1 }", "exchanged64_"


class Exchanged128(Value):
    """What a compare-and-swap of 128 bits gives."""

    __slots__ = ()
    type, prefix = "{ i128, i1 }", "exchanged128_"


class ClockValue(Value):
    """What RDTSCP gives: the clock, and the processor's number."""

    __slots__ = ()
    type, prefix = "{i64, i32}", "clock_"


class Constant(I64):
    """A 64-bit value that is known when code is made."""

    __slots__ = ("number",)
    number: int


def constant(number: int) -> Constant:
    """A 64-bit constant, spelled as it is given."""
    made = Constant(number)
    made.number = number
    return made


class Relative(I64):
    """An address at a known distance from the start of the page that code is of, wherever it is."""

    __slots__ = ("distance",)
    distance: int


ZERO = constant(0)
INTEGERS: dict[int, type[Value]] = {
    int(kind.type[1:]): kind for kind in (I1, I3, I5, I8, I16, I32, I64, I128)
}
"""Types of integers, by their bits."""
EXCHANGED: dict[int, type[Value]] = {
    8: Exchanged8,
    16: Exchanged16,
    32: Exchanged32,
    64: Exchanged64,
    128: Exchanged128,
}
T = TypeVar("T", bound=Value)
_made: dict[str, list[Any]] = {}


def numbered(kind: type[T]) -> Iterator[T]:
    """The values of a type that a function's instructions give, one after the other.

    They are the same for every function: to make them takes longer than all else about one.
    """
    made: list[T] = _made.setdefault(kind.type, [])
    return chain(made, _more(kind, made))


def _more(kind: type[T], made: list[T]) -> Iterator[T]:
    while True:
        made.append(kind(f"%{kind.prefix}{len(made)}"))
        yield made[-1]


class BasicBlock(str):
    """The label of a basic block, by which it is gone to.

    The letters and words of labels are explained where blocks are made.
    """

    __slots__ = ()


class DeferredNumber:
    """A constant that becomes known after the instruction that it is in.

    Args:
        what: it is, for messages.
    """

    __slots__ = ("number", "what")

    def __init__(self, what: str) -> None:
        self.what = what
        self.number: int | None = None

    def supply(self, number: int) -> None:
        """Say which it is, once."""
        if self.number is not None:
            raise DeferredTwiceError(self.what)
        self.number = number

    def __str__(self) -> str:
        """As an operand."""
        if self.number is None:
            raise DeferredTwiceError(self.what)
        return str(self.number)


Operand: TypeAlias = Value | int | BasicBlock | DeferredNumber
"""A number is a constant of whatever integer type is wanted there."""
