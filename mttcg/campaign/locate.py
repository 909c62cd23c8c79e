"""Where things stand in a TOML document: `tomllib` gives values, this gives their lines.

Grammar: TOML 1.0 (toml.io/en/v1.0.0). The document has been accepted by `tomllib`, so nothing is
checked here again.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterator
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys, and numbers of array elements."""

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
QUOTED_KEY = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'")
STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.S,
)
OTHER = re.compile(r"[^,\]}#\n]*")
"""A number, a date or a truth value."""


TOKEN = re.compile(rf"{STRING.pattern}|#[^\n]*|[\[{{\]}}]", re.S)
"""What makes a value lie deeper or not, and what may look like it."""


def lines_of(text: str) -> dict[KeyPath, int]:
    """Give the line, counted from 1, of every table, key and array element of a document."""
    return _Scanner(text).lines


def deepest(text: str) -> tuple[int, int]:
    """Give the line of the innermost value of a text that may be no TOML, and how deep it lies."""
    depth, most, at = 0, 0, 0
    for token in TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > most:
            most, at = depth, token.start()
    return text.count("\n", 0, at) + 1, most


def path_text(path: KeyPath) -> str:
    """Write a path as it is said: `runs[0].smp`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


class _Scanner:
    """Goes through a document once, from its start to its end."""

    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.ends = [found.start() for found in re.finditer("\n", text)]
        self.lines: dict[KeyPath, int] = {}
        self.elements: dict[KeyPath, int] = {}  # of arrays of tables: how many there are so far
        table: KeyPath = ()
        self.skip()
        while self.position < len(text):
            if self.sees("["):
                table = self.header()
            else:
                self.pair(table)
            self.skip()

    def sees(self, token: str) -> bool:
        return self.text.startswith(token, self.position)

    def take(self, pattern: re.Pattern[str]) -> str:
        """Go past what the pattern matches here; nothing is taken if it does not match."""
        found = pattern.match(self.text, self.position)
        taken = found[0] if found else ""
        self.position += len(taken)
        return taken

    def skip(self, token: str = "") -> bool:
        """Go past blanks, and past `token` with more blanks if it comes then; tells whether."""
        self.take(BLANK)
        if not token or not self.sees(token):
            return False
        self.position += len(token)
        self.take(BLANK)
        return True

    def note(self, path: KeyPath) -> None:
        """The first mention of a path is its line."""
        self.lines.setdefault(path, bisect_left(self.ends, self.position) + 1)

    def key(self) -> list[str]:
        """A key, dotted or not."""
        return list(self.key_parts())

    def key_parts(self) -> Iterator[str]:
        while True:
            quoted = self.take(QUOTED_KEY)
            yield tomllib.loads(f"key = {quoted}")["key"] if quoted else self.take(BARE_KEY)
            if not self.skip("."):
                return

    def header(self) -> KeyPath:
        """`[table]` or `[[array of tables]]`; gives the path of what follows."""
        start, is_array = self.position, self.sees("[[")
        self.skip("[[" if is_array else "[")
        *parents, last = self.key()
        self.skip("]]" if is_array else "]")
        end, self.position = self.position, start
        path: KeyPath = ()
        for part in parents:
            path = self.inside((*path, part))
        path = (*path, last)
        if is_array:
            self.note(path)
            number = self.elements.get(path, 0)
            self.elements[path] = number + 1
            path = (*path, number)
        else:
            path = self.inside(path)
        self.note(path)
        self.position = end
        return path

    def inside(self, path: KeyPath) -> KeyPath:
        """The path itself, or for an array of tables the path of its last element."""
        self.note(path)
        if path in self.elements:
            path = (*path, self.elements[path] - 1)
        return path

    def pair(self, table: KeyPath) -> None:
        """`key = value`, in a table with or without braces."""
        start = self.position
        parts = self.key()
        end, self.position = self.position, start
        path = table
        for part in parts:
            path = (*path, part)
            self.note(path)
        self.position = end
        self.skip("=")
        self.value(path)

    def value(self, path: KeyPath) -> None:
        if self.skip("["):
            number = 0
            while not self.skip("]"):
                self.note((*path, number))
                self.value((*path, number))
                self.skip(",")
                number += 1
        elif self.skip("{"):
            while not self.skip("}"):
                self.pair(path)
                self.skip(",")
        else:
            _ = self.take(STRING) or self.take(OTHER)
