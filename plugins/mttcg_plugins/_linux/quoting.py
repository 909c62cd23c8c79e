"""Bytes as a text in quotes, as strace(1) shows them."""

from collections.abc import Sequence

NAMED = {0x22: '\\"', 0x5C: "\\\\", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
PRINTABLE = range(0x20, 0x7F)
OCTAL_DIGITS = range(ord("0"), ord("8"))


def quoted(content: bytes, longest: int | None = None, as_hex: bool = False) -> str:
    """In quotes, cut behind so many bytes, which three dots say."""
    shown = content if longest is None else content[:longest]
    body = "".join(f"\\x{byte:02x}" for byte in shown) if as_hex else _escaped(shown)
    return f'"{body}"' + ("..." if len(shown) < len(content) else "")


def _escaped(content: Sequence[int]) -> str:
    found = []
    for at, byte in enumerate(content):
        if byte in NAMED:
            found.append(NAMED[byte])
        elif byte in PRINTABLE:
            found.append(chr(byte))
        else:
            # no longer than it has to be, unless a digit follows that would be read as of it
            digits = at + 1 < len(content) and content[at + 1] in OCTAL_DIGITS
            found.append(f"\\{byte:03o}" if digits else f"\\{byte:o}")
    return "".join(found)
