"""What a probe's compiled code depends on, so that equal probes share it.

numba keeps all code that it made for as long as the process lives. A plugin that is loaded again
and again makes new functions of the same content each time, which are to cost nothing more.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mttcg.instrument.loading.plugin_modules import is_of_plugin

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
        yield _value(cell.cell_contents, _names(plain.__code__), seen)
    names = sorted(_names(plain.__code__))
    for name in names:
        if name in plain.__globals__:
            yield name, _value(plain.__globals__[name], names, seen)


def _names(code: CodeType) -> set[str]:
    """All names that some code uses, those of the code within it too."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _value(value: Any, names: Iterable[str], seen: set[int]) -> Hashable:
    """Content of a value; `names` are those that the code has, as it takes them from a module."""
    if isinstance(value, PLAIN):
        return type(value).__name__, repr(value)
    if isinstance(value, tuple):
        return tuple(_value(each, names, seen) for each in value)
    if isinstance(value, ModuleType) and not is_of_plugin(value.__name__):
        return value.__name__
    if id(value) in seen:
        return "recursive"
    if isinstance(value, ModuleType):  # one beside a plugin may be another when it is loaded anew
        seen.add(id(value))
        there = [name for name in sorted(names) if name in vars(value)]
        return tuple((name, _value(vars(value)[name], names, seen)) for name in there)
    if isinstance(value, FunctionType) or hasattr(value, "py_func"):
        return tuple(_content(value, seen))
    return id(value)
