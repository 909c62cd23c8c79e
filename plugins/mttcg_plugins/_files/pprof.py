"""Profiles for pprof: github.com/google/pprof, proto/profile.proto, compressed by gzip.

A message is a sequence of fields: a number with the kind of its value, then that; so few kinds are
needed that writing them is shorter than describing them to a library.
"""

import gzip
from collections.abc import Iterable, Sequence
from typing import NamedTuple

NUMBER, BYTES = 0, 2
"""Wire types."""
SAMPLE_TYPE, SAMPLE, LOCATION, FUNCTION, STRINGS = 1, 2, 4, 5, 6
"""Fields of a profile."""


class Frame(NamedTuple):
    """A frame of a stack."""

    address: int
    function: str
    file: str


def _number(value: int) -> bytes:
    """A varint."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _number(number << 3 | NUMBER) + _number(value)
    return _number(number << 3 | BYTES) + _number(len(value)) + value


class Profile:
    """A profile as it grows."""

    def __init__(self, kind: str, unit: str) -> None:
        self.strings: dict[str, int] = {"": 0}
        self.functions: dict[tuple[str, str], int] = {}
        self.locations: dict[Frame, int] = {}
        self.parts = [
            _field(SAMPLE_TYPE, _field(1, self._string(kind)) + _field(2, self._string(unit)))
        ]

    def _string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def _function(self, name: str, file: str) -> int:
        key = name, file
        if key not in self.functions:
            number = self.functions[key] = len(self.functions) + 1
            text = self._string(name)
            fields = (1, number), (2, text), (3, text), (4, self._string(file))
            self.parts.append(_field(FUNCTION, b"".join(_field(*each) for each in fields)))
        return self.functions[key]

    def _location(self, frame: Frame) -> int:
        if frame not in self.locations:
            line = _field(1, self._function(frame.function, frame.file))
            number = self.locations[frame] = len(self.locations) + 1
            fields = _field(1, number) + _field(3, frame.address) + _field(4, line)
            self.parts.append(_field(LOCATION, fields))
        return self.locations[frame]

    def add(self, frames: Iterable[Frame], value: int) -> None:
        """Add a sample; the innermost frame first."""
        places: Sequence[int] = [self._location(frame) for frame in frames]
        packed = b"".join(map(_number, places))
        self.parts.append(_field(SAMPLE, _field(1, packed) + _field(2, _number(value))))

    def content(self) -> bytes:
        """The file."""
        strings = (_field(STRINGS, text.encode()) for text in self.strings)
        return gzip.compress(b"".join([*self.parts, *strings]), mtime=0)
