"""Whether a function of a plugin can be called with what it will be given."""

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any


def wrong_arguments(function: Callable[..., Any], expected: Sequence[str]) -> str:
    """Say in words that a function can't be called with so many arguments; "" if it can be.

    Args:
        function: anything that can be called.
        expected: the names of the arguments, which it may call otherwise.
    """
    if type(function) is FunctionType:
        code = function.__code__
        if code.co_argcount == len(expected) and not code.co_kwonlyargcount:
            return ""  # nearly all, and attaching is to be quick
    try:
        # a decorator takes what its wrapper takes
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return ""  # native code does not say
    try:
        signature.bind(*expected)
    except TypeError:
        taken = signature.replace(return_annotation=inspect.Signature.empty)
        return f"takes {taken}; expected ({', '.join(expected)}){_place(function)}"
    return ""


def _place(function: Callable[..., Any]) -> str:
    code = getattr(function, "__code__", None)
    return f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
