"""A campaign file, read and checked: matrices of runs, each value with its line."""

import glob
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mttcg.campaign.node import TomlNode, read_toml
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.option_values import parse_size

RETRIES_DEFAULT = 2
RETRIES_MAX = 100
REPEATS_MAX = 1_000_000
EXIT_STATUS_MAX = 255


@dataclass(frozen=True)
class AxisValue:
    """One of the values that a setting is to take: the value, and where it stands."""

    value: Any
    node: TomlNode


@dataclass(frozen=True)
class Matrix:
    """A table `[[runs]]`: every choice of each axis with every choice of the others.

    `axes` are the settings that take several values, by key of the file: those of `AXES`,
    `guests`, `plugins`, `input`, `type` and `set.SYMBOL`; the guests are snapshots if the runs go
    on from such (`is_restored`). `fixed` are those of all its runs, by field of Config.
    """

    name: str
    node: TomlNode
    axes: Mapping[str, tuple[AxisValue, ...]]
    fixed: Mapping[str, Any]
    repeats: int
    time_limit: float
    labels: Mapping[str, Any]
    expect: tuple[int, ...]
    is_restored: bool = False


@dataclass(frozen=True)
class CampaignFile:
    """What a file asks for; `output` is the directory of the results."""

    path: Path
    name: str
    output: Path
    retries: int
    matrices: tuple[Matrix, ...]


def size_of(node: TomlNode) -> int:
    """Read a size, as of --memory: a number of bytes, or a text such as "64M"."""
    size: int = node.value if type(node.of(int, str)) is int else parse_size(node.value)
    return size


def texts_by_name(node: TomlNode) -> dict[str, str]:
    """Read a table of texts."""
    return {name: inner.text() for name, inner in node.table().items()}


def shards_of(node: TomlNode) -> dict[str, int]:
    """Read a number of shards for all plugins, or a table of numbers by plugin."""
    if type(node.of(int, dict)) is int:
        return {"": node.value}
    return {name: inner.of(int) for name, inner in node.table().items()}


Reader = tuple[str, Callable[[TomlNode], Any]]
"""The field of Config that a key fills, and how its value is read; Config checks it."""
AXES: Mapping[str, Reader] = {
    "smp": ("smp", lambda node: node.of(int)),
    "memory": ("memory", size_of),
    "code-cache": ("code_cache", size_of),
    "engine": ("engine", TomlNode.text),
    "tiers": ("tiers", TomlNode.text),
    "quantum": ("quantum", lambda node: node.of(int)),
    "seed": ("seed", lambda node: node.of(int)),
}
FIXED: Mapping[str, Reader] = {
    "deterministic": ("deterministic", lambda node: node.of(bool)),
    "pin": ("pin", lambda node: node.of(bool)),
    "policy": ("policies", texts_by_name),
    "shards": ("shards", shards_of),
    "stall-limit": ("stall_limit", TomlNode.seconds),
    "stop-on-trap-loop": ("stop_on_trap_loop", lambda node: node.of(bool)),
}
OF_TURNS = ("quantum", "seed")
"""What belongs to `deterministic`."""
OTHERS = (
    *("guests", "from", "plugins", "set", "repeats", "time-limit", "labels"),
    *("input", "type", "expect"),
)
OF_THE_SNAPSHOT = ("guests", "smp", "memory")
"""Keys that a matrix with `from` can't have."""
MATRIX_KEYS = ("name", *OTHERS, *AXES, *FIXED)
DEFAULTS_KEYS = MATRIX_KEYS[1:]
FILE_KEYS = ("name", "output", "retries", "defaults", "runs")
MERGED = ("set", "labels")
"""Tables of which a matrix adds to those of the defaults."""


def read_campaign(path: Path, base: Path | None = None) -> CampaignFile:
    """Read a campaign file; CampaignFileError for whatever is wrong in it, with the line.

    base: the snapshot that runs go on from which name none, nor guests.
    """
    top = read_toml(path)
    keys = top.table(FILE_KEYS)
    retries = keys["retries"].whole(0, RETRIES_MAX) if "retries" in keys else RETRIES_DEFAULT
    defaults = keys["defaults"].table(DEFAULTS_KEYS) if "defaults" in keys else {}
    if "runs" not in keys:
        raise top.wrong("there are no runs", "a table [[runs]]")
    matrices: dict[str, Matrix] = {}
    for number, node in enumerate(runs_of(keys["runs"]), start=1):
        own = node.table(MATRIX_KEYS)
        name = own["name"].text() if "name" in own else f"runs{number}"
        if name in matrices:
            raise own.get("name", node).wrong(f"{name!r} is there twice", "a name for each")
        matrices[name] = read_matrix(name, node, merged(defaults, own), base)
    return CampaignFile(
        path=path,
        name=keys["name"].text() if "name" in keys else path.stem,
        output=output_of(path, keys.get("output")),
        retries=retries,
        matrices=tuple(matrices.values()),
    )


def output_of(path: Path, node: TomlNode | None) -> Path:
    """Give the directory of the results, beside the file unless it says where."""
    if node is None:
        return path.with_name(f"{path.stem}.results")
    return path.parent / node.text()


def runs_of(node: TomlNode) -> list[TomlNode]:
    """Give the tables `[[runs]]`."""
    if not isinstance(node.value, list):
        raise node.wrong("it is a single table", "[[runs]], with two brackets")
    return node.alternatives()


def merged(defaults: Mapping[str, TomlNode], own: Mapping[str, TomlNode]) -> dict[str, Any]:
    """Put a matrix's own keys over the defaults; those of `MERGED` become tables of nodes."""
    found: dict[str, Any] = {**defaults, **own}
    for key in MERGED:
        if key in found:
            tables = [keys[key].table() for keys in (defaults, own) if key in keys]
            found[key] = {name: node for table in tables for name, node in table.items()}
    return found


def read_matrix(
    name: str, node: TomlNode, keys: Mapping[str, Any], base: Path | None = None
) -> Matrix:
    """Read one matrix; base: as of `read_campaign`."""
    axes: dict[str, tuple[AxisValue, ...]] = {"guests": started_with(node, keys, base)}
    for key, reader in AXES.items():
        if key in keys:
            axes[key] = choices_of(keys[key], partial(read, reader=reader))
    for symbol, inner in keys.get("set", {}).items():
        axes[f"set.{symbol}"] = choices_of(inner, partial(read_word, symbol))
    if "plugins" in keys:
        axes["plugins"] = plugins_of(keys["plugins"])
    axes |= inputs_of(keys)
    labels = keys.get("labels", {}).items()
    check_turns(keys)
    return Matrix(
        name=name,
        node=node,
        axes=axes,
        fixed={FIXED[key][0]: read(keys[key], FIXED[key]) for key in FIXED if key in keys},
        repeats=keys["repeats"].whole(1, REPEATS_MAX) if "repeats" in keys else 1,
        time_limit=keys["time-limit"].seconds() if "time-limit" in keys else 0.0,
        labels={label: inner.of(str, int, float, bool) for label, inner in labels},
        expect=expected_of(keys.get("expect")),
        is_restored="guests" not in keys,
    )


def check_turns(keys: Mapping[str, Any]) -> None:
    """Refuse what belongs to turns without them, and what they can't have."""
    takes_turns = "deterministic" in keys and keys["deterministic"].value
    for key in OF_TURNS if not takes_turns else ("input", "type"):
        if key in keys:
            here = "there is no `deterministic`" if not takes_turns else "harts take turns"
            raise keys[key].wrong(here, "both, or neither" if not takes_turns else f"no {key}")


def started_with(
    node: TomlNode, keys: Mapping[str, Any], base: Path | None
) -> tuple[AxisValue, ...]:
    """Find the guests that are started, or the snapshots that runs go on from."""
    if "from" not in keys and "guests" in keys:
        return guests_of(keys["guests"])
    if "from" not in keys and base is None:
        raise node.wrong("there are no guests", 'guests = ["FILE.elf", ...], or from = "FILE"')
    for key in OF_THE_SNAPSHOT:
        if key in keys:
            wrong = f"{key} is what a snapshot says"
            raise keys[key].wrong(wrong, "either of it and `from`")
    return guests_of(keys["from"]) if "from" in keys else (AxisValue(str(base), node),)


def inputs_of(keys: Mapping[str, Any]) -> dict[str, tuple[AxisValue, ...]]:
    """Read what guests read from their consoles: files, or texts."""
    if "type" in keys and "input" in keys:
        raise keys["type"].wrong("there is `input`, too", "one of them")
    if "input" in keys:
        return {"input": tuple(map(input_of, keys["input"].alternatives()))}
    if "type" in keys:
        return {"type": choices_of(keys["type"], TomlNode.text)}
    return {}


def read(node: TomlNode, reader: Reader) -> Any:
    """Read a setting, and have Config check it."""
    field, function = reader
    others: dict[str, Any] = {"deterministic": True} if field in OF_TURNS else {}
    try:
        value = function(node)
        Config(guest=Path("any"), **{field: value}, **others)
    except OptionError as error:
        raise node.wrong(error.wrong, error.expected) from error
    return value


def choices_of(node: TomlNode, reader: Callable[[TomlNode], Any]) -> tuple[AxisValue, ...]:
    """Read the values that a setting is to take, each once."""
    found: list[AxisValue] = []
    for inner in node.alternatives():
        choice = AxisValue(reader(inner), inner)
        if choice.value in [other.value for other in found]:
            raise inner.wrong(f"{inner.value!r} is there twice", "each value once")
        found.append(choice)
    return tuple(found)


def read_word(symbol: str, node: TomlNode) -> int:
    """Read a value for a symbol; TOML has numbers in 0x, too."""
    value: int = read(node, ("symbols_set", lambda inner: {symbol: inner.of(int)}))[symbol]
    return value


def plugins_of(node: TomlNode) -> tuple[AxisValue, ...]:
    """Read the sets of plugins; an empty list is the empty set, alone."""
    return (AxisValue((), node),) if node.value == [] else choices_of(node, read_plugins)


def read_plugins(node: TomlNode) -> tuple[str, ...]:
    """Read a set of plugins: a spec, or a list of specs that go together."""
    return tuple(spec.text() for spec in node.elements())


def guests_of(node: TomlNode) -> tuple[AxisValue, ...]:
    """Find the files that paths and patterns name, each once; relative to the campaign file."""
    found: dict[Path, AxisValue] = {}
    for inner in node.alternatives():
        pattern = inner.text()
        names = [pattern]
        if glob.has_magic(pattern):
            # Path.glob takes no absolute patterns
            found_here = glob.glob(pattern, root_dir=node.file.parent, recursive=True)  # noqa: PTH207
            names = sorted(found_here)
            if not names:
                raise inner.wrong(f"{pattern!r} matches nothing", "files that there are")
        for name in names:
            found.setdefault((node.file.parent / name).resolve(), AxisValue(name, inner))
    return tuple(found.values())


def input_of(node: TomlNode) -> AxisValue:
    """Find the file that the guest reads as its console's input."""
    path = node.file.parent / node.text()
    if not path.is_file():
        raise node.wrong(f"{node.value!r} is no file", "a file for the guest to read")
    return AxisValue(node.value, node)


def expected_of(node: TomlNode | None) -> tuple[int, ...]:
    """Read the exit statuses that count as success."""
    if node is None:
        return (0,)
    return tuple(inner.whole(0, EXIT_STATUS_MAX) for inner in node.alternatives())
