"""How instructions are spelled, and which types they have.

(LLVM Language Reference Manual, "Instruction Reference".)
"""

from collections.abc import Callable
from typing import Any

UNLIKELY = ", !prof !8"
"""Advice with a branch whose second way is hardly ever gone."""
BINARY_NAMES = "add sub mul udiv sdiv urem srem and or xor shl lshr ashr".split()
PREDICATES = "eq ne ult ule ugt slt sle sgt".split()
LABEL = "label"
"""The type of a block where it is an operand."""


class Form:
    """What instructions that differ by their operands alone have in common.

    Args:
        text: the instruction, with %s for each operand.
        result: the type of its result; "" if it has none.
        operands: their types.
        advice: what only passes use, behind the rest.
        ends: whether it ends a block.

    Attributes:
        text: with %s for the result as well, as `advised` is, which has the advice.
    """

    __slots__ = ("advised", "ends", "operands", "result", "text")

    def __init__(
        self,
        text: str,
        result: str = "",
        operands: tuple[str, ...] = (),
        advice: str = "",
        ends: bool = False,
    ) -> None:
        self.text = f"%s = {text}" if result else text
        self.advised = self.text + advice
        self.result, self.operands, self.ends = result, operands, ends


def type_of(kind: type) -> str:
    """LLVM's type of what Python has as a class: a number is an integer of 64 bits."""
    return "i64" if kind is int else kind.type  # type: ignore[attr-defined]


class FormsByType(dict[type, Form]):
    """Forms that were used before, by the class of an operand."""

    def __init__(self, make: Callable[[str], Form]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, kind: type) -> Form:
        """Make one that is used for the first time."""
        form = self[kind] = self.make(type_of(kind))
        return form


class AliasClass:
    """A kind of memory that LLVM is told is apart from others.

    Args:
        number: of its tag; 0 if nothing is known.
        ordered: whether accesses stay as many as they are, and in their order.
        alignment: text for it, if it is less than that of the type.

    Attributes:
        loads, stores: forms by type.
    """

    def __init__(self, number: int, ordered: bool = False, alignment: str = "") -> None:
        advice = f", !tbaa !{number}" if number else ""
        load, store = (f"{name}{' volatile' * ordered}" for name in ("load", "store"))
        self.loads = FormsByType(
            lambda kind: Form(f"{load} {kind}, ptr %s{alignment}", kind, ("ptr",), advice)
        )
        self.stores = FormsByType(
            lambda kind: Form(f"{store} {kind} %s, ptr %s{alignment}", "", (kind, "ptr"), advice)
        )


REGISTER, COUNTER, RECORD, UNKNOWN = AliasClass(1), AliasClass(2), AliasClass(4), AliasClass(0)
ROW = AliasClass(5)
"""Rows of address translations, which no code writes that reads them."""
GUEST = AliasClass(3, ordered=True, alignment=", align 1")
"""That of the guest, whose harts see each other's order: see docs/memory-model.md."""


class Forms(dict[Any, Form]):
    """Forms that were used before, by what tells them apart."""

    def __init__(self, make: Callable[..., Form]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, key: Any) -> Form:
        """Make one that is used for the first time."""
        form = self[key] = self.make(*key)
        return form


def _call(
    result: str, callee: str, arguments: tuple[str, ...], options: str, convention: str
) -> Form:
    """`callee`: "" for an address, which is the first operand; `options`: behind the arguments."""
    given = ", ".join([*(f"{kind} %s" for kind in arguments), *([options] if options else [])])
    operands = arguments if callee else ("ptr", *arguments)
    begin = f"call {convention} " if convention else "call "
    return Form(f"{begin}{result or 'void'} {callee or '%s'}({given})", result, operands)


def _phi(kind: str, ways: int) -> Form:
    pairs = ", ".join(["[ %s, %%%s ]"] * ways)
    return Form(f"phi {kind} {pairs}", kind, (kind, LABEL) * ways)


def _switch(cases: int) -> Form:
    lines = ["switch i64 %s, label %%%s [", *["i64 %s, label %%%s"] * cases, "]"]
    return Form("\n".join(lines), "", ("i64", LABEL) * (cases + 1), ends=True)


def _compare_and_swap(kind: str, result: str) -> Form:
    text = f"cmpxchg volatile ptr %s, {kind} %s, {kind} %s seq_cst seq_cst"
    return Form(text, result, ("ptr", kind, kind))


BINARY = {
    name: FormsByType(
        lambda kind, name=name: Form(f"{name} {kind} %s, %s", kind, (kind, kind))  # type: ignore[misc]
    )
    for name in BINARY_NAMES
}
COMPARE = {
    name: FormsByType(
        lambda kind, name=name: Form(f"icmp {name} {kind} %s, %s", "i1", (kind, kind))  # type: ignore[misc]
    )
    for name in PREDICATES
}
CAST = Forms(lambda name, kind, to: Form(f"{name} {kind} %s to {to}", to, (kind,)))
SELECT = Forms(
    lambda kind: Form(f"select i1 %s, {kind} %s, {kind} %s", kind, ("i1", kind, kind)),
)
LOAD_ATOMIC = Forms(
    lambda kind, order: Form(
        f"load atomic volatile {kind}, ptr %s {order}, align {int(kind[1:]) // 8}", kind, ("ptr",)
    )
)
OFFSET = Form("getelementptr i8, ptr %s, i64 %s", "ptr", ("ptr", "i64"))
ALLOCATE = Form("alloca i64", "ptr")
ALLOCATE_POINTER = Form("alloca ptr", "ptr")
EXTRACT = Forms(lambda pair, number, kind: Form(f"extractvalue {pair} %s, {number}", kind, (pair,)))
ATOMIC = Forms(
    lambda name, kind: Form(
        f"atomicrmw volatile {name} ptr %s, {kind} %s seq_cst", kind, ("ptr", kind)
    )
)
COMPARE_AND_SWAP = Forms(_compare_and_swap)
FENCE = Forms(lambda order: Form(f"fence {order}"))
CALL, PHI, SWITCH = Forms(_call), Forms(_phi), Forms(_switch)
BEGIN = Form("%s:", "", (LABEL,))
"""Not an instruction: here begins the block of a label."""
GOTO = Form("br label %%%s", "", (LABEL,), ends=True)
BRANCH = Forms(
    lambda advice: Form(
        "br i1 %s, label %%%s, label %%%s", "", ("i1", LABEL, LABEL), advice, ends=True
    )
)
OPAQUE = Form(
    'callbr void asm sideeffect "", "!i"() to label %%%s [label %%%s]',
    "",
    (LABEL, LABEL),
    ends=True,
)
"""No instruction, but passes do not know that the second way is never gone, and join nothing."""
RETURN = Form("ret void", ends=True)
GIVE = Forms(lambda kind: Form(f"ret {kind} %s", "", (kind,), ends=True))
UNREACHABLE = Form("unreachable", ends=True)
