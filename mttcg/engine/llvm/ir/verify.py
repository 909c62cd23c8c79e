"""Checks that a function is well made, between the stages in which it is.

LLVM finds some of it too, but says only that it does not take the text. Production does without:
tests switch it on for every process that they start.
"""

import os
from collections.abc import Iterator
from typing import TypeAlias

from mttcg.engine.llvm.ir.forms import BEGIN, LABEL, Form
from mttcg.engine.llvm.ir.function import DeferredPiece, Function, Section
from mttcg.engine.llvm.ir.values import (
    BasicBlock,
    DeferredNumber,
    Operand,
    Value,
)
from mttcg.errors import MttcgError

SWITCH = "MTTCG_VERIFY_IR"
"""Variable of the environment that switches the checks on."""
enabled = bool(os.environ.get(SWITCH))


Instruction: TypeAlias = tuple[Form, list[Operand]]


class IllFormedError(MttcgError):
    """A function breaks a rule.

    Attributes:
        block: the label of the block in which it does.
        what: is wrong.
    """

    def __init__(self, block: str, what: str) -> None:
        self.block, self.what = block, what
        super().__init__(f"ill-formed code in block {block}: {what}")


def check(function: Function, complete: bool) -> None:
    """`verify`, if it is switched on."""
    if enabled:
        verify(function, complete)


def verify(function: Function, complete: bool) -> None:
    """Raise IllFormedError for the first rule that a function breaks.

    Args:
        function: with deferred pieces where they were left, not joined yet.
        complete: whether nothing is still to come, so that all that is used has to be there.
    """
    defined: dict[str, str] = {str(value): value.type for value in function.parameters}
    blocks = [block for section in function.sections() for block in blocks_of(section)]
    labels: set[str] = set()
    for label, code in blocks:
        if label in labels:
            raise IllFormedError(label, "its label is used twice")
        labels.add(label)
        _check_ends(label, code)
        _define(label, code, defined)
    for label, code in blocks:
        if f"%{label}" in defined:
            raise IllFormedError(label, "its label is the name of a value")
        for instruction in code:
            _check_operands(label, instruction, defined, labels, complete)
    for piece in function.pieces if complete else ():
        if piece.content is None:
            raise IllFormedError("", f"{piece.what} was not supplied")


def blocks_of(section: Section) -> "list[tuple[str, list[Instruction]]]":
    """The labels and instructions of the blocks in a section."""
    blocks: list[tuple[str, list[Instruction]]] = []
    for form, operands in instructions_of(section):
        if form is BEGIN:
            blocks.append((str(operands[0]), []))
        elif not blocks:
            raise IllFormedError("", "it has no label")
        else:
            blocks[-1][1].append((form, operands))
    return blocks


def instructions_of(section: Section) -> Iterator[Instruction]:
    """The forms and operands in a section, with what was supplied for its deferred pieces."""
    at = 0
    for form in section.forms:
        if isinstance(form, DeferredPiece):
            if form.content is not None:
                yield from instructions_of(form.content)
            continue
        length = len(form.operands) + bool(form.result)
        at += length
        if at <= len(section.operands):
            yield form, section.operands[at - length : at]
    if at != len(section.operands):
        raise IllFormedError("", "there are more or fewer operands than instructions have")


def _check_ends(label: str, code: "list[Instruction]") -> None:
    ends = [form.ends for form, _ in code]
    if not ends or not ends[-1]:
        raise IllFormedError(label, "it does not say where to go on")
    if any(ends[:-1]):
        raise IllFormedError(label, "something stands behind its end")


def _define(label: str, code: "list[Instruction]", defined: dict[str, str]) -> None:
    """Learn the values that a block defines, each once, and in the block before it is used."""
    used: set[str] = set()
    for form, operands in code:
        inputs = operands[1:] if form.result else operands
        if not form.text.startswith("%s = phi"):  # whose operands come from other blocks
            used.update(operand for operand in inputs if isinstance(operand, Value))
        if not form.result:
            continue
        result = operands[0]
        if not isinstance(result, Value) or result.type != form.result:
            raise IllFormedError(label, f"{result} is not of type {form.result}")
        if result in defined:
            raise IllFormedError(label, f"{result} is defined twice")
        if result in used:
            raise IllFormedError(label, f"{result} is used before it is defined")
        defined[str(result)] = result.type


def _check_operands(
    label: str,
    instruction: Instruction,
    defined: dict[str, str],
    labels: set[str],
    complete: bool,
) -> None:
    form, operands = instruction
    inputs = operands[1:] if form.result else operands
    for operand, wanted in zip(inputs, form.operands, strict=True):
        if not _agrees(operand, wanted):
            raise IllFormedError(label, f"{operand} is not of type {wanted}")
        if isinstance(operand, Value) and defined.get(operand, wanted) != wanted:
            raise IllFormedError(label, f"{operand} was defined with another type")
        if not complete:
            continue
        if isinstance(operand, DeferredNumber) and operand.number is None:
            raise IllFormedError(label, f"{operand.what} was not supplied")
        if isinstance(operand, BasicBlock) and operand not in labels:
            raise IllFormedError(label, f"there is no block {operand}")
        if isinstance(operand, Value) and operand.startswith("%") and operand not in defined:
            raise IllFormedError(label, f"{operand} is not defined")


def _agrees(operand: Operand, wanted: str) -> bool:
    if isinstance(operand, Value):
        return operand.type == wanted
    if isinstance(operand, BasicBlock):
        return wanted == LABEL
    return wanted.startswith("i")
