"""Builds the instructions and blocks of a function."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, TypeVar

from mttcg.engine.llvm.ir import forms
from mttcg.engine.llvm.ir.forms import AliasClass
from mttcg.engine.llvm.ir.function import DeferredPiece, Function, Section
from mttcg.engine.llvm.ir.values import (
    EXCHANGED,
    I1,
    I64,
    INTEGERS,
    BasicBlock,
    ClockValue,
    Constant,
    DeferredNumber,
    DeferredTwiceError,
    Double,
    Operand,
    Pointer,
    Relative,
    Single,
    Value,
    numbered,
)

T = TypeVar("T", bound=Value)
BINARY, COMPARE, CAST = forms.BINARY, forms.COMPARE, forms.CAST
OFFSET, GOTO, BRANCH = forms.OFFSET, forms.GOTO, forms.BRANCH
TYPES: tuple[type[Value], ...] = (
    *INTEGERS.values(),
    Pointer,
    Relative,
    Single,
    Double,
    *EXCHANGED.values(),
    ClockValue,
)


class Builder:
    """Appends instructions to one place of a function after another.

    Methods that give a value take, as `into`, a value with a name of its own instead.

    Args:
        function: what is built.

    Attributes:
        block: where instructions go.
        fresh: for each type, the values that have no definition yet.
        bits, pointers: two of them, for they are often used.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.fresh: dict[type, Iterator[Any]] = {kind: numbered(kind) for kind in TYPES}
        self.fresh[Constant] = self.fresh[Relative] = self.fresh[I64]
        self.bits, self.pointers = self.fresh[I1], self.fresh[Pointer]
        self.block = BasicBlock("")
        self.go_on_in(function.body)

    # blocks

    def new_block(self, word: str) -> BasicBlock:
        """A block that is placed later; its label is the word and a number."""
        self.function.labels += 1
        return BasicBlock(f"{word}{self.function.labels}")

    def begin(self, block: BasicBlock) -> None:
        """Place a block behind the one before, and go on in it."""
        self.block = block
        self.add(forms.BEGIN)
        self.push((block,))

    def go_on_in(self, section: Section) -> None:
        """Go on in another part of the function."""
        self.section = section
        self.add, self.push = section.forms.append, section.operands.extend

    def cold(self) -> "Elsewhere":
        """For a while, place blocks where those are that are hardly ever run."""
        return Elsewhere(self, self.function.cold)

    def defer(self, what: object) -> None:
        """Leave a place for what is known later."""
        piece = DeferredPiece(what, self.section)
        self.function.pieces.append(piece)
        self.add(piece)

    def supply(self, piece: DeferredPiece) -> "Elsewhere":
        """For a while, go on in a deferred piece, which has no instructions yet."""
        if piece.content is not None:
            raise DeferredTwiceError(str(piece.what))
        piece.content = Section()
        return Elsewhere(self, piece.content)

    # the ends of blocks

    def goto(self, block: BasicBlock) -> None:
        """Go on in a block."""
        self.add(GOTO)
        self.push((block,))

    def branch(self, bit: I1, yes: BasicBlock, no: BasicBlock, advice: str = "") -> None:
        """Go on in one of two blocks."""
        self.add(BRANCH[(advice,)])
        self.push((bit, yes, no))

    def switch(self, value: I64, otherwise: BasicBlock, cases: dict[int, BasicBlock]) -> None:
        """Go on in the block of a number."""
        pairs = [operand for pair in cases.items() for operand in pair]
        self.add(forms.SWITCH[(len(cases),)])
        self.push((value, otherwise, *pairs))

    def end(self, returns: bool) -> None:
        """End a block by a return, or one to which control never comes."""
        self.add(forms.RETURN if returns else forms.UNREACHABLE)

    def give(self, value: Value) -> None:
        """End the function with a result."""
        self.add(forms.GIVE[(value.type,)])
        self.push((value,))

    # computing

    def binary(self, name: str, a: T, b: T | int | DeferredNumber, into: T | None = None) -> T:
        """add, and, shl, ... of two values of one type."""
        result: T = next(self.fresh[a.__class__]) if into is None else into
        self.add(BINARY[name][a.__class__])
        self.push((result, a, b))
        return result

    def compare(
        self, predicate: str, a: T, b: T | int | DeferredNumber, into: I1 | None = None
    ) -> I1:
        """Whether eq, ult, ... holds for two integers of one type."""
        result: I1 = next(self.bits) if into is None else into
        self.add(COMPARE[predicate][a.__class__])
        self.push((result, a, b))
        return result

    def cast(self, name: str, value: Value, kind: type[T], into: T | None = None) -> T:
        """zext, trunc, bitcast, ... to another type."""
        result: T = next(self.fresh[kind]) if into is None else into
        self.add(CAST[name, value.type, kind.type])
        self.push((result, value))
        return result

    def select(self, bit: I1, a: T | int, b: T | int, kind: type[T]) -> T:
        """a if a bit is set, else b."""
        result: T = next(self.fresh[kind])
        self.add(forms.SELECT[(kind.type,)])
        self.push((result, bit, a, b))
        return result

    def phi(self, kind: type[T], *ways: tuple[T | int, BasicBlock]) -> T:
        """The value that belongs to the block that control comes from."""
        result: T = next(self.fresh[kind])
        pairs = [operand for way in ways for operand in way]
        self.add(forms.PHI[kind.type, len(ways)])
        self.push((result, *pairs))
        return result

    def extract(self, pair: Value, number: int, kind: type[T]) -> T:
        """One of the values that a pair has."""
        result: T = next(self.fresh[kind])
        self.add(forms.EXTRACT[pair.type, number, kind.type])
        self.push((result, pair))
        return result

    # memory

    def offset(
        self, pointer: Pointer, distance: I64 | int | DeferredNumber, into: Pointer | None = None
    ) -> Pointer:
        """An address at a distance from another, in bytes."""
        result: Pointer = next(self.pointers) if into is None else into
        self.add(OFFSET)
        self.push((result, pointer, distance))
        return result

    def load(self, pointer: Pointer, memory: AliasClass, kind: type[T], into: T | None = None) -> T:
        """What is at an address."""
        result: T = next(self.fresh[kind]) if into is None else into
        self.add(memory.loads[kind])
        self.push((result, pointer))
        return result

    def store(self, value: Value | int, pointer: Pointer, memory: AliasClass) -> None:
        """Put a value where an address is; a number as 64 bits."""
        self.add(memory.stores[value.__class__])
        self.push((value, pointer))

    def copy(self, pairs: list[tuple[Pointer, Pointer]], memory: AliasClass) -> None:
        """Copy 64 bits from one place to another, for each pair."""
        fresh = self.fresh[I64]
        self.section.forms += [memory.loads[I64], memory.stores[I64]] * len(pairs)
        for source, target in pairs:
            value = next(fresh)
            self.push((value, source, value, target))

    def load_atomic(self, pointer: Pointer, order: str, kind: type[T]) -> T:
        """Load at once, in an order with others: "monotonic", "seq_cst"."""
        result: T = next(self.fresh[kind])
        self.add(forms.LOAD_ATOMIC[kind.type, order])
        self.push((result, pointer))
        return result

    def atomic(self, name: str, pointer: Pointer, value: T) -> T:
        """Replace what is at an address by xchg, add, ... in one step; what was there."""
        result: T = next(self.fresh[value.__class__])
        self.add(forms.ATOMIC[name, value.type])
        self.push((result, pointer, value))
        return result

    def compare_and_swap(self, pointer: Pointer, old: T, new: T, bits: int) -> Value:
        """Store a new value if the old one is there: that, and whether it was stored."""
        kind = EXCHANGED[bits]
        result: Value = next(self.fresh[kind])
        form = forms.COMPARE_AND_SWAP[old.type, kind.type]
        self.add(form)
        self.push((result, pointer, old, new))
        return result

    def fence(self, order: str) -> None:
        """Order accesses: "acq_rel", "seq_cst"."""
        self.add(forms.FENCE[(order,)])

    def allocate(self, place: Pointer, of_pointer: bool = False) -> None:
        """Have a place for 64 bits, or an address, as long as the function runs."""
        form = forms.ALLOCATE_POINTER if of_pointer else forms.ALLOCATE
        self.add(form)
        self.push((place,))

    # calls

    def call(
        self,
        kind: type[T],
        callee: str | Pointer,
        *arguments: Value | int | DeferredNumber,
        options: str = "",
        convention: str = "",
    ) -> T:
        """The result of a function, by its name or address; numbers are 64-bit arguments.

        options: further arguments that are no values. convention: other than that of C.
        """
        result: T = next(self.fresh[kind])
        form, operands = _call(kind.type, callee, arguments, options, convention)
        self.function.called.add(callee)
        self.add(form)
        self.push((result, *operands))
        return result

    def run(self, callee: str | Pointer, *arguments: Value | int) -> None:
        """Call a function that has no result."""
        form, operands = _call("", callee, arguments, "")
        self.function.called.add(callee)
        self.add(form)
        self.push(operands)


class Elsewhere:
    """While it is entered, code goes to another part of the function."""

    __slots__ = ("before", "builder", "section")

    def __init__(self, builder: Builder, section: Section) -> None:
        self.builder, self.section = builder, section
        self.before = builder.section, builder.block

    def __enter__(self) -> None:
        """Go there."""
        self.builder.go_on_in(self.section)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Come back."""
        section, self.builder.block = self.before
        self.builder.go_on_in(section)


def _call(
    result: str,
    callee: str | Pointer,
    arguments: tuple[Value | int | DeferredNumber, ...],
    options: str,
    convention: str = "",
) -> tuple[forms.Form, tuple[Operand, ...]]:
    kinds = tuple(value.type if isinstance(value, Value) else "i64" for value in arguments)
    if isinstance(callee, Pointer):
        return forms.CALL[result, "", kinds, options, convention], (callee, *arguments)
    return forms.CALL[result, callee, kinds, options, convention], arguments
