"""What a probe stores in its words: whole numbers, as numba would cut off others in silence."""

from types import FunctionType
from typing import Any

from numba import types
from numba.core import ir

from mttcg.instrument.errors import ProbeError


def check_stores(inner: Any, function: FunctionType) -> None:
    """Raise ProbeError where a floating-point number is stored in an array of integers.

    Args:
        inner: the probe as numba has compiled it.
        function: the probe.
    """
    for compiled in inner.overloads.values():
        typed = compiled.type_annotation
        for block in typed.blocks.values():
            for statement in block.body:
                if isinstance(statement, ir.SetItem | ir.StaticSetItem):
                    _check(typed.calltypes[statement].args, statement.loc.line, function)


def _check(stored: tuple[Any, ...], line: int, function: FunctionType) -> None:
    array, _index, value = stored
    if not (isinstance(array, types.Array) and isinstance(array.dtype, types.Integer)):
        return
    if isinstance(value, types.Float | types.Complex):
        place = f"{function.__code__.co_filename}:{line}"
        reason = f"it stores {value} in an array of {array.dtype}; expected int(...) around it"
        raise ProbeError(function.__name__, place, reason)
