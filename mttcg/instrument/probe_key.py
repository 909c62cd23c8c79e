"""What a probe's compiled code depends on, so that equal probes share it.

numba keeps all code that it made for as long as the process lives. A plugin that is loaded again
and again makes new functions of the same content each time, which are to cost nothing more.
"""

from collections.abc import Callable, Hashable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

PLAIN = (int, float, bool, str, bytes, type(None))


def content_of(function: Callable[..., Any]) -> Hashable:
    """A key that is equal for two functions that numba makes the same code of.

    It has the function's code, and everything that this takes from outside: numba takes globals as
    they are when it compiles. What can't be compared by content counts as itself: who keeps the key
    keeps the function, so that nothing else comes to have its place.
    """
    return tuple(_content(function, set()))


def _content(function: Callable[..., Any], seen: set[int]) -> Iterator[Hashable]:
    seen.add(id(function))
    plain = getattr(function, "py_func", function)  # of what numba made already
    if not isinstance(plain, FunctionType):
        yield id(function)
        return
    yield plain.__code__
    yield repr(plain.__defaults__)
    yield repr(getattr(function, "targetoptions", None))
    for cell in plain.__closure__ or ():
        yield _value(cell.cell_contents, seen)
    for name in sorted(_names(plain.__code__)):
        if name in plain.__globals__:
            yield name, _value(plain.__globals__[name], seen)


def _names(code: CodeType) -> set[str]:
    """All names that some code uses, those of the code within it too."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _value(value: Any, seen: set[int]) -> Hashable:
    if isinstance(value, PLAIN):
        return type(value).__name__, repr(value)
    if isinstance(value, tuple):
        return tuple(_value(each, seen) for each in value)
    if isinstance(value, ModuleType):
        return value.__name__
    if id(value) in seen:
        return "recursive"
    if isinstance(value, FunctionType) or hasattr(value, "py_func"):
        return tuple(_content(value, seen))
    return id(value)
