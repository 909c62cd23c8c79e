"""The verifier finds each kind of fault that code for LLVM can have before LLVM sees it."""

from collections.abc import Callable

import pytest

from mttcg.engine.llvm.ir import verify
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, Form
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import (
    I1,
    I32,
    I64,
    ZERO,
    BasicBlock,
    DeferredNumber,
    DeferredTwiceError,
    Pointer,
)
from mttcg.engine.llvm.ir.verify import IllFormedError

PLACE = Pointer("%place")
Fault = Callable[[Builder], object]


def built(fault: Fault = lambda build: None) -> Function:
    """A function of two blocks, with something planted in the first."""
    function = Function("void @f", (PLACE,))
    build = Builder(function)
    end = build.new_block("end")
    build.begin(BasicBlock("entry"))
    build.store(build.binary("add", build.load(PLACE, COUNTER, I64), 1), PLACE, COUNTER)
    fault(build)
    build.goto(end)
    build.begin(end)
    build.end(returns=True)
    return function


def twice(build: Builder) -> None:
    value = build.load(PLACE, COUNTER, I64)
    build.load(PLACE, COUNTER, I64, into=value)


def before_its_definition(build: Builder) -> None:
    value = I64("%later")
    build.store(value, PLACE, COUNTER)
    build.load(PLACE, COUNTER, I64, into=value)


def another_type(build: Builder) -> None:
    build.store(I32(str(build.load(PLACE, COUNTER, I64))), PLACE, COUNTER)


def unsupplied_number(build: Builder) -> None:
    build.binary("add", ZERO, DeferredNumber("the size"))


def missing_operand(build: Builder) -> None:
    build.add(Form("store i64 %s, ptr %s", "", ("i64", "ptr")))
    build.push((ZERO,))


FAULTS: dict[str, Fault] = {
    "something stands behind its end": lambda build: build.end(returns=True),
    "its label is used twice": lambda build: (
        build.goto(BasicBlock("entry")),
        build.begin(BasicBlock("end1")),
    ),
    "its label is the name of a value": lambda build: (
        build.goto(BasicBlock("place")),
        build.begin(BasicBlock("place")),
    ),
    "it does not say where to go on": lambda build: build.begin(build.new_block("next")),
    "%v2 is defined twice": twice,
    "%later is used before it is defined": before_its_definition,
    "%v2 was defined with another type": another_type,
    "%a is not of type i64": lambda build: build.binary("add", ZERO, Pointer("%a")),  # type: ignore[type-var]
    "5 is not of type ptr": lambda build: build.load(5, COUNTER, I64),  # type: ignore[arg-type]
    "there is no block nowhere": lambda build: (
        build.branch(I1("true"), BasicBlock("nowhere"), on := build.new_block("on")),
        build.begin(on),
    ),
    "%x5 is not defined": lambda build: build.load(Pointer("%x5"), COUNTER, I64),
    "the size was not supplied": unsupplied_number,
    "what is to come was not supplied": lambda build: build.defer("what is to come"),
    "there are more or fewer operands": missing_operand,
}


def test_what_is_well_made_is_let_through() -> None:
    verify.verify(built(), complete=True)


@pytest.mark.parametrize("message", FAULTS)
def test_each_fault_is_found(message: str) -> None:
    function = built(FAULTS[message])
    with pytest.raises(IllFormedError, match=message):
        verify.verify(function, complete=True)


LATER = (
    "there is no block nowhere",
    "%x5 is not defined",
    "the size was not supplied",
    "what is to come was not supplied",
)


@pytest.mark.parametrize("message", LATER)
def test_what_may_still_come_is_no_fault_before_the_end(message: str) -> None:
    verify.verify(built(FAULTS[message]), complete=False)


def test_what_is_deferred_is_supplied_once_and_then_belongs_to_its_block() -> None:
    function = built(lambda build: build.defer("what is to come"))
    build = Builder(function)
    (piece,) = function.pieces
    with build.supply(piece):
        build.store(ZERO, PLACE, COUNTER)
    with pytest.raises(DeferredTwiceError, match="what is to come"):
        build.supply(piece)
    verify.verify(function, complete=True)
    function.join()
    text = "\n".join(function.text(advice=False))
    assert "store i64 0, ptr %place\nbr label %end1" in text


def test_a_fault_in_a_deferred_piece_is_found() -> None:
    function = built(lambda build: build.defer("what is to come"))
    build = Builder(function)
    with build.supply(function.pieces[0]):
        build.store(I64("%nothing"), PLACE, COUNTER)
    with pytest.raises(IllFormedError, match="%nothing is not defined"):
        verify.verify(function, complete=True)


def test_a_number_that_is_deferred_is_supplied_once_and_not_written_before() -> None:
    number = DeferredNumber("the size")
    with pytest.raises(DeferredTwiceError, match="the size"):
        str(number)
    number.supply(3)
    assert str(number) == "3"
    with pytest.raises(DeferredTwiceError, match="the size"):
        number.supply(4)


def test_tests_verify_and_production_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    function = built(FAULTS["%x5 is not defined"])
    assert verify.enabled
    with pytest.raises(IllFormedError):
        verify.check(function, complete=True)
    monkeypatch.setattr(verify, "enabled", False)
    verify.check(function, complete=True)
