"""A plugin's typed options: the text `name-or-path,key=value,...` and the dataclass it fills.

A plugin module that takes options has a frozen dataclass named `Options`:

    @dataclass(frozen=True)
    class Options:
        top: int = option(20, help="how many blocks to report")
        out: Path | None = option(None, help="file to write the records to")

Field types may be str, int, float, bool, Path, Literal of str or int, and `X | None` of these.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from mttcg.errors import PluginError

T = TypeVar("T")

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class PluginSpec:
    """What the user wrote for one plugin.

    `text` is the whole, `target` the name or path, `values` the options still as text.
    """

    text: str
    target: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class OptionRow:
    """One option as the documentation shows it; `default` is "required" where there is none."""

    name: str
    type: str
    default: str
    help: str


def option(default: Any = MISSING, *, help: str) -> Any:
    """Declare a field of a plugin's `Options` with its default value and one line of help.

    Without a default the option is required. The result is for the dataclass machinery alone.
    """
    return dataclasses.field(default=default, metadata={"help": help})


def parse_spec(text: str) -> PluginSpec:
    """Split `name-or-path,key=value,...`; a doubled comma stands for a comma, as in QEMU's options.

    Raises PluginError for an empty target, an option without `=` or without a name, and for an
    option that is given twice.
    """
    target, *pairs = split_at_commas(text)
    if not target.strip():
        raise PluginError(repr(text), "has no name; expected name-or-path,key=value,...")
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise PluginError(target, f"{pair!r} is not an option; expected key=value")
        if key in values:
            raise PluginError(target, f"option {key!r} is given twice; expected it once")
        values[key] = value
    return PluginSpec(text, target.strip(), values)


def split_at_commas(text: str) -> list[str]:
    """Split at single commas; two in a row are one literal comma."""
    parts = [""]
    position = 0
    while position < len(text):
        if text.startswith(",,", position):
            parts[-1] += ","
            position += 2
            continue
        if text[position] == ",":
            parts.append("")
        else:
            parts[-1] += text[position]
        position += 1
    return parts


def build_options(cls: type[T], values: Mapping[str, str], plugin: str) -> T:
    """Make an instance of a plugin's `Options` from text.

    Raises PluginError for an unknown or missing option, for a value of the wrong type, for a class
    that is no dataclass or has a field of an unknown type, and where `__post_init__` refuses.
    """
    hints = field_types(cls, plugin)
    for key in values:
        if key not in hints:
            known = ", ".join(hints) or "none"
            raise PluginError(plugin, f"unknown option {key!r}; known are: {known}")
    arguments = {
        key: convert(hints[key], text, f"option {key!r}", plugin) for key, text in values.items()
    }
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # checked by field_types
        if field.init and field.name not in arguments and is_required(field):
            raise PluginError(plugin, f"option {field.name!r} is missing; expected a value for it")
    try:
        return cls(**arguments)
    except Exception as error:
        # __post_init__ is the plugin's own code: whatever it raises is its answer
        wrong = f"its options are refused: {type(error).__name__}: {error}"
        raise PluginError(plugin, wrong) from error


def describe_options(cls: type[Any], plugin: str) -> tuple[OptionRow, ...]:
    """List the options of a plugin's `Options`, in the order of its fields.

    Raises PluginError for a class that is no dataclass or has a field of an unknown type.
    """
    hints = field_types(cls, plugin)
    return tuple(
        OptionRow(
            field.name, type_name(hints[field.name]), default_text(field), help_text(field.metadata)
        )
        for field in dataclasses.fields(cls)
        if field.name in hints
    )


def field_types(cls: type[Any], plugin: str) -> dict[str, Any]:
    """Map the name of each option to its resolved type, refusing types no text can become."""
    if not isinstance(cls, type) or not dataclasses.is_dataclass(cls):
        raise PluginError(
            plugin, "its Options is not a dataclass; expected @dataclass(frozen=True)"
        )
    try:
        hints = typing.get_type_hints(cls)
    except Exception as error:
        wrong = f"the types of its Options do not resolve: {type(error).__name__}: {error}"
        raise PluginError(plugin, wrong) from error
    found = {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}
    for name, hint in found.items():
        if not is_supported(hint):
            expected = "str, int, float, bool, Path, Literal or one of these | None"
            wrong = f"its option {name!r} has the type {type_name(hint)}; expected {expected}"
            raise PluginError(plugin, wrong)
    return found


def convert(hint: Any, text: str, what: str, plugin: str) -> Any:
    """Turn `text` into a value of the type `hint`; `what` names it in the PluginError otherwise.

    For `X | None` the word `none` is None.
    """
    if is_optional(hint):
        return None if text == "none" else convert(inner_type(hint), text, what, plugin)
    if typing.get_origin(hint) is Literal:
        choices = {str(choice): choice for choice in typing.get_args(hint)}
        if text in choices:
            return choices[text]
        expected = "one of " + ", ".join(choices)
    else:
        read, expected = READERS[hint]
        try:
            return read(text)
        except ValueError:
            pass
    raise PluginError(plugin, f"{what} is {text!r}; expected {expected}")


def read_bool(text: str) -> bool:
    """Read one of the words for true and false, in any case; ValueError for others."""
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(text)


def read_int(text: str) -> int:
    """Read a decimal number (leading zeros too) or one with 0x, 0o or 0b in front."""
    word = text.strip()
    return int(word, 0 if word.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"} else 10)


def read_float(text: str) -> float:
    """Read a finite decimal number; ValueError for others, `nan` and `inf` included."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def read_path(text: str) -> Path:
    """Read a path of at least one character, `~` expanded; ValueError otherwise."""
    if not text or "\0" in text:
        raise ValueError(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # no such user's home
        raise ValueError(text) from error


READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (read_int, "a whole number, decimal or 0x..."),
    float: (read_float, "a number"),
    bool: (read_bool, "true or false (yes/no, on/off, 1/0)"),
    Path: (read_path, "a path"),
}


def is_optional(hint: Any) -> bool:
    """Tell whether a type is `X | None` of one other type."""
    if typing.get_origin(hint) not in {Union, types.UnionType}:
        return False
    return type(None) in typing.get_args(hint) and len(typing.get_args(hint)) == 2


def inner_type(hint: Any) -> Any:
    """Give the X of `X | None`."""
    return next(inner for inner in typing.get_args(hint) if inner is not type(None))


def is_supported(hint: Any) -> bool:
    """Tell whether text can become a value of this type."""
    if is_optional(hint):
        return is_supported(inner_type(hint))
    if typing.get_origin(hint) is Literal:
        return all(isinstance(choice, str | int) for choice in typing.get_args(hint))
    return any(hint is known for known in READERS)


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Tell whether a field has no default of either kind."""
    return field.default is MISSING and field.default_factory is MISSING


def type_name(hint: Any) -> str:
    """Write a type as the user's documentation names it."""
    if is_optional(hint):
        return f"{type_name(inner_type(hint))} or none"
    if typing.get_origin(hint) is Literal:
        return " or ".join(str(choice) for choice in typing.get_args(hint))
    return hint.__name__ if isinstance(hint, type) else str(hint)


def default_text(field: dataclasses.Field[Any]) -> str:
    """Write a field's default as the user would write it."""
    if is_required(field):
        return "required"
    if field.default is MISSING:
        return "(computed)"
    if isinstance(field.default, bool):
        return "true" if field.default else "false"
    return "none" if field.default is None else str(field.default)


def help_text(metadata: Mapping[str, Any]) -> str:
    """Give the help of a field, empty where its author wrote none."""
    return str(metadata.get("help", ""))
