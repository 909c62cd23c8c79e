"""What an aggregator has gathered, as bytes for another process: plain data, nothing executable.

Every attribute goes, but for the options, the run, and those that the class keeps `local`. Values
are those that msgpack has, and these, as lists [tag, content]: containers of Python, arrays and
scalars of numpy, paths, and objects of the plugin's own package, attribute by attribute. Reading
calls no constructor and no method of theirs.
"""

import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mttcg_bus.errors import ProtocolError, StateError
from mttcg_bus.wire import wire

if TYPE_CHECKING:
    from mttcg_bus.subscriber.aggregator import Aggregator

AggregatorType = TypeVar("AggregatorType", bound="Aggregator")

GIVEN = frozenset({"options", "run", "shard"})
"""Attributes that the reader's aggregator has of its own."""
WORDS = range(-(1 << 63), 1 << 64)
"""Integers that msgpack has."""
FACTORIES: dict[str, Callable[[], Any]] = {
    kind.__name__: kind for kind in (int, float, str, bytes, list, dict, set, Counter, deque)
}
"""What a defaultdict may make its values with, besides classes of the plugin."""
MALFORMED = (
    *(TypeError, ValueError, LookupError, AttributeError),
    *(OverflowError, RecursionError, MemoryError, SyntaxError),
)
"""What reading a value raises that is not as `pack_state` writes it."""


def pack_state(aggregator: "Aggregator") -> bytes:
    """Return what `aggregator` has gathered; raises StateError for what can't be sent."""
    home = type(aggregator).__module__
    kept = GIVEN | aggregator.local
    plain = {}
    for name, value in vars(aggregator).items():
        if name not in kept:
            try:
                plain[name] = _encode(value, home)
            except StateError as error:
                raise StateError(f"attribute {name}: {error}") from error
    return wire.pack(plain)


def unpack_state(data: bytes, aggregator: AggregatorType) -> AggregatorType:
    """Give a new `aggregator` what `data` holds, and return it.

    Raises ProtocolError, StateError.
    """
    home = type(aggregator).__module__
    for name, plain in wire.unpack(data, len(data)).items():
        if callable(getattr(type(aggregator), name, None)):
            raise ProtocolError(f"a state has an attribute {name}, which is a method")
        fresh = getattr(aggregator, name, None)
        setattr(aggregator, name, _decode(plain, home, getattr(fresh, "default_factory", None)))
    return aggregator


def _encode(value: Any, home: str) -> Any:
    kind = type(value)
    if value is None or kind in (bool, float, str, bytes):
        return value
    if kind is int:
        return value if value in WORDS else ["integer", str(value)]
    if kind in _ENCODERS:
        return [kind.__name__, _ENCODERS[kind](value, home)]
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise StateError("an array of objects")
        return ["array", [_dtype_plain(value.dtype), list(value.shape), value.tobytes()]]
    if isinstance(value, np.generic):
        return ["scalar", [_dtype_plain(value.dtype), value.tobytes()]]
    if isinstance(value, PurePath):
        return ["path", str(value)]
    if _is_own(kind.__module__, home) and "<" not in kind.__qualname__:
        names = [name for name in _names_of(value) if hasattr(value, name)]
        content = [_encode(getattr(value, name), home) for name in names]
        base = _encode(tuple(value), home) if isinstance(value, tuple) else None
        return ["object", [kind.__module__, kind.__qualname__, names, content, base]]
    raise StateError(f"a {kind.__qualname__}; expected plain data, numpy, or a class of the plugin")


def _decode(plain: Any, home: str, factory: Any = None) -> Any:
    """Read a value; factory: of a defaultdict whose own can't be named."""
    if not isinstance(plain, list):
        return plain
    if len(plain) != 2 or not isinstance(plain[0], str) or plain[0] not in _DECODERS:
        raise ProtocolError("a value of a state is not [tag, content]")
    tag, content = plain
    try:
        if tag == "defaultdict":
            return _defaultdict_from(content, home, factory)
        return _DECODERS[tag](content, home)
    except MALFORMED as error:
        raise ProtocolError(f"malformed {tag} of a state: {error}") from error


def _items(values: Any, home: str) -> list[Any]:
    return [_encode(value, home) for value in values]


def _pairs(values: Any, home: str) -> list[Any]:
    return [_items(values.keys(), home), _items(values.values(), home)]


def _defaultdict_plain(values: Any, home: str) -> list[Any]:
    made_by = values.default_factory
    name = getattr(made_by, "__name__", "")
    known = FACTORIES.get(name) is made_by and made_by is not None
    own = isinstance(made_by, type) and _is_own(made_by.__module__, home)
    named = [made_by.__module__ if own else "", made_by.__qualname__] if known or own else None
    return [named, *_pairs(values, home)]


def _defaultdict_from(content: Any, home: str, factory: Any) -> Any:
    named, keys, values = content
    if named is not None:
        module, name = named
        factory = _class_of(module, name, home) if module else FACTORIES[name]
    if factory is None:
        raise StateError("a defaultdict inside another value, with a factory that has no name")
    return defaultdict(factory, _mapping([keys, values], home))


def _mapping(content: Any, home: str) -> dict[Any, Any]:
    keys, values = ([_decode(plain, home) for plain in part] for part in content)
    return dict(zip(keys, values, strict=True))


def _is_own(module: str, home: str) -> bool:
    """Whether a class is the plugin's: of its module, or of the package that this is in, or is."""
    return module.split(".")[0] == home.split(".")[0]


def _class_of(module: str, name: str, home: str) -> type[Any]:
    found = getattr(sys.modules.get(module), name, None)
    if not _is_own(module, home) or not isinstance(found, type):
        raise StateError(f"no class {name} in {module}")
    return found


def _names_of(value: Any) -> list[str]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return list(dict.fromkeys([*getattr(value, "__dict__", ()), *slots]))


def _object_from(content: Any, home: str) -> Any:
    module, name, names, values, base = content
    kind = _class_of(module, name, home)
    made = object.__new__(kind) if base is None else tuple.__new__(kind, _decode(base, home))
    for attribute, value in zip(names, values, strict=True):
        # a frozen dataclass refuses its own
        object.__setattr__(made, attribute, _decode(value, home))
    return made


def _dtype_plain(dtype: "np.dtype[Any]") -> Any:
    return dtype.descr if dtype.names else dtype.str


def _dtype_from(plain: Any) -> "np.dtype[Any]":
    if isinstance(plain, str):
        return np.dtype(plain)
    return np.dtype([(f[0], f[1], *(tuple(shape) for shape in f[2:])) for f in plain])


def _array_from(content: Any, _home: str) -> Any:
    dtype, shape, data = content
    return np.frombuffer(bytearray(data), _dtype_from(dtype)).reshape(shape)


_ENCODERS: dict[type, Callable[[Any, str], Any]] = {
    list: _items,
    tuple: _items,
    set: _items,
    frozenset: _items,
    dict: _pairs,
    Counter: _pairs,
    defaultdict: _defaultdict_plain,
    deque: lambda values, home: [values.maxlen, _items(values, home)],
}
_DECODERS: dict[str, Callable[[Any, str], Any]] = {
    "list": lambda content, home: [_decode(plain, home) for plain in content],
    "tuple": lambda content, home: tuple(_decode(plain, home) for plain in content),
    "set": lambda content, home: {_decode(plain, home) for plain in content},
    "frozenset": lambda content, home: frozenset(_decode(plain, home) for plain in content),
    "dict": _mapping,
    "Counter": lambda content, home: Counter(_mapping(content, home)),
    "defaultdict": lambda content, home: _defaultdict_from(content, home, None),
    "deque": lambda content, home: deque((_decode(p, home) for p in content[1]), content[0]),
    "integer": lambda content, home: int(content),
    "array": _array_from,
    "scalar": lambda content, home: np.frombuffer(content[1], _dtype_from(content[0]))[0],
    "path": lambda content, home: Path(content),
    "object": _object_from,
}
