"""A value of a campaign file with its place, so that what is wrong with it names file and line."""

import difflib
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mttcg.campaign.errors import CampaignFileError
from mttcg.campaign.locate import KeyPath, deepest, lines_of, path_text

KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True)
class TomlNode:
    """A value, and where it stands; the methods give it as what it has to be.

    They raise CampaignFileError.
    """

    file: Path
    lines: Mapping[KeyPath, int] = field(repr=False)
    path: KeyPath
    value: Any

    def wrong(self, wrong: str, expected: str | None = None) -> CampaignFileError:
        """Make the error that names this place."""
        line = self.lines.get(self.path, 1)
        return CampaignFileError(self.file, line, path_text(self.path), wrong, expected)

    def of(self, *kinds: type) -> Any:
        """Give the value, which has to be of one of these kinds; true is no number."""
        if type(self.value) not in kinds:
            expected = " or ".join(KINDS[kind] for kind in kinds)
            is_kind = KINDS.get(type(self.value), "a date or a time")
            shown = "" if isinstance(self.value, list | dict) else f"{self.value!r} is "
            raise self.wrong(f"{shown}{is_kind}", expected)
        return self.value

    def text(self) -> str:
        """Give a text that is not empty."""
        if not self.of(str):
            raise self.wrong("it is empty", "a text")
        return str(self.value)

    def whole(self, low: int, high: int) -> int:
        """Give a whole number within limits."""
        if not low <= self.of(int) <= high:
            raise self.wrong(f"{self.value} is out of range", f"a number from {low} to {high}")
        return int(self.value)

    def seconds(self) -> float:
        """Give a number of seconds, 0 or more."""
        if not 0 <= self.of(int, float) < float("inf"):
            raise self.wrong(f"{self.value} is out of range", "seconds, 0 or more")
        return float(self.value)

    def element(self, key: str | int) -> "TomlNode":
        """Give what is inside."""
        return TomlNode(self.file, self.lines, (*self.path, key), self.value[key])

    def elements(self) -> list["TomlNode"]:
        """Give the elements of a list; of anything else, itself as the only one."""
        if not isinstance(self.value, list):
            return [self]
        return [self.element(number) for number in range(len(self.value))]

    def alternatives(self) -> list["TomlNode"]:
        """Give the elements of a list, at least one."""
        found = self.elements()
        if not found:
            raise self.wrong("the list is empty", "one value or more")
        return found

    def table(self, known: Collection[str] | None = None) -> dict[str, "TomlNode"]:
        """Give a table by key, which has to be one of `known` unless that is None."""
        found = {key: self.element(key) for key in self.of(dict)}
        for key, node in found.items():
            if known is not None and key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                meant = f"; did you mean {near[0]}?" if near else ""
                raise node.wrong(f"unknown key{meant}", f"one of {', '.join(known)}")
        return found


def read_toml(path: Path) -> TomlNode:
    """Read a file; CampaignFileError if that can't be, or it is not TOML."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise CampaignFileError(path, 1, "", error.strerror or str(error), "a file") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CampaignFileError(path, line, "", "it is not UTF-8", "TOML") from error
    try:
        value = tomllib.loads(text)
        return TomlNode(path, lines_of(text.replace("\r\n", "\n")), (), value)
    except tomllib.TOMLDecodeError as error:
        raise syntax_error(path, text, str(error)) from error
    except RecursionError as error:
        line, depth = deepest(text)
        wrong = f"values in values, {depth} deep"
        raise CampaignFileError(path, line, "", wrong, "what a campaign file has") from error


def syntax_error(path: Path, text: str, message: str) -> CampaignFileError:
    """Turn what tomllib says, which ends in "(at line 3, column 7)", into an error of ours."""
    wrong, _, place = message.rpartition(" (at ")
    numbers = [int(word) for word in place.replace(",", " ").rstrip(")").split() if word.isdigit()]
    line = numbers[0] if numbers else text.count("\n") + 1  # "(at end of document)"
    column = f" (column {numbers[1]})" if len(numbers) > 1 else ""
    return CampaignFileError(path, line, "", f"{wrong or message}{column}", "TOML")
