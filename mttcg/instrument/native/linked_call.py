"""A compiled function with its arguments as words, to be kept: see `kept_calls`; loads numba."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np
from numba import cfunc, typeof, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

POINTER = types.CPointer(types.uint64)


def call_with_words(dispatcher: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """A C function that calls `dispatcher` with such arguments, which it gets as words.

    It is under a name that says what is returned; none if that can't be had as words. Raises what
    numba raises for a function, or arguments, that it does not compile.
    """
    given = tuple(map(typeof, arguments))
    dispatcher.compile(given)
    returned = returned_as(dispatcher.overloads[given].signature.return_type)
    if returned is None:
        return {}
    known: dict[str, Any] = {"np": np, "function": dispatcher}
    places, numbers = count(), count()
    expressions = [_expression(one, known, places, numbers) for one in given]
    lines = [
        "def wrapper(words, out):",
        f"    result = function({', '.join(expressions)})",
        *(f"    out[{n}] = {text}" for n, text in enumerate(_stored(returned.split()))),
    ]
    exec("\n".join(lines), known)
    return {returned: cfunc(types.void(POINTER, POINTER))(known["wrapper"])}


def returned_as(kind: Any) -> str | None:
    """What a function returns, as `kept_calls.caller` takes it; None if that does not."""
    if isinstance(kind, types.NoneType):
        return "one"
    if not isinstance(kind, types.BaseTuple):
        name = _word_type(kind)
        return None if name is None else f"one {name}"
    names = [_word_type(one) for one in kind]
    return None if None in names else " ".join(["tuple", *map(str, names)])


def _word_type(kind: Any) -> str | None:
    if isinstance(kind, types.Boolean):
        return "boolean"
    if isinstance(kind, types.Integer):
        return "int64" if kind.signed else "uint64"
    return None


def _stored(returned: list[str]) -> Iterator[str]:
    """What is stored of the result, word by word."""
    for n, name in enumerate(returned[1:]):
        value = f"result[{n}]" if returned[0] == "tuple" else "result"
        yield f"np.uint64(1 if {value} else 0)" if name == "boolean" else f"np.uint64({value})"


def _expression(kind: Any, known: dict[str, Any], places: "count[int]", numbers: Any) -> str:
    """What makes an argument of words; `known` gets the names that it uses."""
    if isinstance(kind, types.BaseTuple):
        inner = [_expression(one, known, places, numbers) for one in kind]
        return f"({' '.join(f'{one},' for one in inner)})"
    name = f"make_{next(numbers)}"
    word = f"words[{next(places)}]"
    if isinstance(kind, types.Array):
        known[name] = array_at(kind)
        sizes = "".join(f"words[{next(places)}]," for _ in range(kind.ndim))
        return f"{name}({word}, ({sizes}))"
    if isinstance(kind, types.Boolean):
        return f"({word} != np.uint64(0))"
    known[name] = getattr(np, str(kind))
    return f"{name}({word})"


def array_at(kind: Any) -> Callable[..., Any]:
    """A function for numba: the contiguous array of a type at an address, with its sizes."""

    @intrinsic
    def at(_context: Any, address: Any, sizes: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
            shape = cgutils.unpack_tuple(builder, given[1], kind.ndim)
            bytes_of_one = context.get_abi_sizeof(context.get_data_type(kind.dtype))
            item = context.get_constant(types.intp, bytes_of_one)
            strides = [item]
            for size in reversed(shape[1:]):
                strides.insert(0, builder.mul(strides[0], size))
            array = make_array(kind)(context, builder)
            data = builder.inttoptr(given[0], array.data.type)
            populate_array(array, data, shape, strides, item, None)
            return array._getvalue()

        return kind(address, sizes), generate

    made: Callable[..., Any] = at
    return made
