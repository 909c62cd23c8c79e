"""How messages of 9P2000.L are written: size[4] type[1] tag[2], then the fields of the type.

Numbers are little-endian; a text is its length in two bytes, and so many bytes.
"""

import errno
import os
import struct
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

HEADER = struct.Struct("<IBH")
"""size (of all), type, tag."""
COUNT = struct.Struct("<I")
ERROR = struct.Struct("<I")
QID = struct.Struct("<BIQ")
"""type, version, path."""
NUMBERS: Mapping[str, struct.Struct] = {
    code: struct.Struct(f"<{code}") for code in ("B", "H", "I", "Q")
}
TEXT, TEXTS = "s", "t"
"""Beside the codes of numbers: a text; a number in two bytes, and so many texts."""
MOST_TEXTS = 16
"""Names of one walk (MAXWELEM)."""
MOST_MESSAGE = 1 << 19
"""Bytes of a message, at the most; the size that a client may have is no greater."""
LEAST_MESSAGE = 4096
"""With less, a client could not even read a folder (linux: p9_client_create)."""
VERSION = "9P2000.L"
NO_FID = (1 << 32) - 1


class NinepMessage(IntEnum):
    """Types of requests; the answer's is one more, that of an error is ERROR."""

    ERROR = 7
    STATFS = 8
    OPEN = 12
    CREATE = 14
    SYMLINK = 16
    MAKE_NODE = 18
    RENAME = 20
    READ_LINK = 22
    GET_ATTRIBUTES = 24
    SET_ATTRIBUTES = 26
    WALK_EXTENDED = 30
    CREATE_EXTENDED = 32
    READ_FOLDER = 40
    SYNC = 50
    LOCK = 52
    GET_LOCK = 54
    LINK = 70
    MAKE_FOLDER = 72
    RENAME_AT = 74
    UNLINK_AT = 76
    VERSION = 100
    AUTHENTICATE = 102
    ATTACH = 104
    FLUSH = 108
    WALK = 110
    READ = 116
    WRITE = 118
    CLUNK = 120
    REMOVE = 122


class MalformedError(OSError):
    """A message that ends before its fields do, or whose fields make no sense."""

    def __init__(self) -> None:
        super().__init__(errno.EPROTO, os.strerror(errno.EPROTO))


def failure(number: int) -> OSError:
    """The error of a request."""
    return OSError(number, os.strerror(number))


class Fields:
    """The fields of a message, taken from the front.

    Each method raises MalformedError where too little is left.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self._readers: Mapping[str, Callable[[], Any]] = {TEXT: self.text, TEXTS: self._texts}

    def take(self, codes: str) -> list[Any]:
        """Take fields, one for each code: those of NUMBERS, TEXT, TEXTS."""
        return [
            self._number(NUMBERS[code]) if code in NUMBERS else self._readers[code]()
            for code in codes
        ]

    def text(self) -> str:
        """Take a text; bytes that are no UTF-8 are kept, as in the host's file names."""
        size: int = self._number(NUMBERS["H"])
        if self.at + size > len(self.data):
            raise MalformedError
        self.at += size
        return os.fsdecode(self.data[self.at - size : self.at])

    def _texts(self) -> list[str]:
        count: int = self._number(NUMBERS["H"])
        if count > MOST_TEXTS:
            raise MalformedError
        return [self.text() for _ in range(count)]

    def _number(self, form: struct.Struct) -> int:
        if self.at + form.size > len(self.data):
            raise MalformedError
        (value,) = form.unpack_from(self.data, self.at)
        self.at += form.size
        return int(value)


def packed_text(text: str) -> bytes:
    """Write a text; raises OSError for one that is too long."""
    data = os.fsencode(text)
    if len(data) >= 1 << 16:
        raise failure(errno.ENAMETOOLONG)
    return NUMBERS["H"].pack(len(data)) + data
