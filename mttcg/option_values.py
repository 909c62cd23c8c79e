"""What values options may have: checked, and read from the texts of a command line."""

import os
from collections.abc import Sequence
from pathlib import Path

from mttcg.errors import OptionError
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import MOST_VCPUS
from mttcg_bus.wire.policy import POLICIES, parse_policy

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
SIZE_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB}

SMP_MAX = MOST_VCPUS
SECONDS_MAX = 1e6
RECORD_LIMIT_MIN = 64 * KIB
WORD_VALUES = range(-(1 << 63), 1 << 64)
"""What fits a 64-bit word, signed or unsigned."""


def check_number(option: str, value: object, low: int, high: int) -> None:
    """Raise OptionError for what is no whole number from `low` to `high`."""
    expected = f"a whole number from {low} to {high}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise OptionError(option, f"{value!r} is not a whole number", expected)
    if not low <= value <= high:
        raise OptionError(option, f"{value} is out of range", expected)


def check_seconds(option: str, value: object, most: float) -> None:
    """Raise OptionError for what is no time from 0 to `most` seconds."""
    if not isinstance(value, int | float) or not 0 <= value <= most:
        raise OptionError(option, f"{value!r} is out of range", f"seconds, from 0 to {most:g}")


def check_interim(seconds: object) -> None:
    """Raise OptionError for a time between reports that can't be; 0 stands for none."""
    check_seconds("--interim", seconds, SECONDS_MAX)


def check_shards(count: object) -> None:
    """Raise OptionError for a number of shards that there can't be."""
    check_number("--shards", count, 1, SMP_MAX)


def check_record_limit(size: object) -> None:
    """Raise OptionError for a size that no recording can have; 0 stands for any."""
    if not isinstance(size, int) or isinstance(size, bool) or 0 != size < RECORD_LIMIT_MIN:
        raise OptionError("--record-limit", f"{size!r} bytes is too little", "64K or more")


def check_policy(stream: str, policy: object) -> None:
    """Raise OptionError for a policy that there is not."""
    if not isinstance(policy, str) or parse_policy(policy) is None:
        expected = " or ".join(POLICIES)
        raise OptionError("--policy", f"{stream}: {policy!r} is no policy", expected)


def check_size(option: str, value: object, low: int, high: int, limits: str) -> None:
    """Raise OptionError for what is no size of whole pages; limits: `low` to `high`, in words."""
    expected = f"a multiple of {PAGE} bytes from {limits}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise OptionError(option, f"{value!r} is not a number of bytes", expected)
    if not low <= value <= high:
        raise OptionError(option, f"{value} bytes is out of range", expected)
    if value % PAGE:
        raise OptionError(option, f"{value} bytes is not a whole number of pages", expected)


def check_word(symbol: str, value: object) -> None:
    """Raise OptionError, which names `--set`, for what does not fit a 64-bit word."""
    if not isinstance(value, int) or value not in WORD_VALUES:
        wrong = f"{value!r} does not fit 64 bits"
        raise OptionError(f"--set {symbol}", wrong, "a 64-bit value, decimal or 0x...")


def check_output(option: str, path: Path) -> None:
    """Refuse now what would fail only after the whole run."""
    expected = "a file to write"
    try:
        if path.is_dir():
            raise OptionError(option, f"{path} is a directory", expected)
        if not path.parent.is_dir():
            raise OptionError(option, f"there is no directory {path.parent}", expected)
        place = Path(os.path.realpath(path))
        if not any(at.exists() and os.access(at, os.W_OK) for at in (place, place.parent)):
            raise OptionError(option, f"{path} is not writable", expected)
    except OSError as error:  # a name that is too long, for one
        raise OptionError(option, f"{path}: {error.strerror}", expected) from error


def parse_size(text: str, option: str = "--memory") -> int:
    """Read a size such as "128M", "64K", "1G", "0x100000" (bytes without a unit; M is MiB).

    Returns bytes. Raises `OptionError` naming the option; the range is checked by `Config`.
    """
    stripped = text.strip().upper().removesuffix("IB")
    unit = stripped[-1:] if stripped[-1:] in SIZE_UNITS else ""
    number = _parse_number(stripped.removesuffix(unit))
    if number is None or number < 0:
        expected = 'a number of bytes, K, M or G, such as "128M"'
        raise OptionError(option, f"{text!r} is not a size", expected)
    return number * SIZE_UNITS[unit]


def parse_assignment(text: str) -> tuple[str, int]:
    """Read "SYMBOL=VALUE", the value decimal or 0x..., as (symbol, value).

    Raises `OptionError` naming `--set`.
    """
    symbol, equals, value = text.partition("=")
    symbol = symbol.strip()
    number = _parse_number(value)
    if not equals or not symbol or number is None:
        expected = "SYMBOL=VALUE, the value decimal or 0x..."
        raise OptionError("--set", f"{text!r} is not an assignment", expected)
    check_word(symbol, number)
    return symbol, number


def parse_loads(texts: Sequence[str]) -> dict[str, int]:
    """Read "FILE@ADDRESS" texts as {file: address}; raises `OptionError` naming `--load`."""
    loads: dict[str, int] = {}
    for text in texts:
        name, _, place = text.rpartition("@")
        address = _parse_number(place)
        if not name or address is None or address < 0:
            expected = "FILE@ADDRESS, the address decimal or 0x..."
            raise OptionError("--load", f"{text!r} is not a file and an address", expected)
        if name in loads:
            raise OptionError("--load", f"{name} is given twice", "each file once")
        loads[name] = address
    return loads


def parse_policies(texts: Sequence[str]) -> dict[str, str]:
    """Read "NAME=POLICY" texts as {name: policy}; raises `OptionError` naming `--policy`."""
    policies: dict[str, str] = {}
    for text in texts:
        name, equals, policy = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise OptionError("--policy", f"{text!r} is not NAME=POLICY", "a stream and a policy")
        if name in policies:
            raise OptionError("--policy", f"{name} is given twice", "each stream once")
        check_policy(name, policy)
        policies[name] = policy
    return policies


def not_in_shards(plugin: str) -> str:
    """What is wrong with shards of an aggregator that can't be divided."""
    return f"the aggregator of {plugin} follows the order of all vCPUs and can't be divided"


def parse_shards(texts: Sequence[str]) -> dict[str, int]:
    """Read "N" and "PLUGIN=N" texts as {plugin: n}; raises `OptionError` naming `--shards`."""
    shards: dict[str, int] = {}
    for text in texts:
        name, _, count = text.rpartition("=")
        number = _parse_number(count)
        if number is None or ("=" in text and not name.strip()):
            raise OptionError("--shards", f"{text!r} is not a number of shards", "N or PLUGIN=N")
        if name.strip() in shards:
            raise OptionError("--shards", f"{text!r}: given twice", "each plugin once")
        check_shards(number)
        shards[name.strip()] = number
    return shards


def _parse_number(text: str) -> int | None:
    """Read a decimal or 0x number; None if it is neither."""
    body = text.strip().lower()
    digits = body.removeprefix("-")
    base = 16 if digits.startswith("0x") else 10
    # int() alone would also take "1_000", "+5" and digits of other scripts
    plain = digits.removeprefix("0x").isascii() and digits.removeprefix("0x").isalnum()
    try:
        return int(body, base) if plain else None
    except ValueError:
        return None
