"""The arguments of system calls as text, as strace(1) shows them.

A kind of argument is a function of the call's arguments, the number of this one, and memory. One
that the kernel fills is known when the call returns; before that it gives None. What can't be read
is shown as a pointer.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

from mttcg_plugins._linux import flag_names as names
from mttcg_plugins._linux.quoting import quoted

Read: TypeAlias = Callable[[int, int], bytes | None]
"""Bytes of the program at an address, None if they are not there."""
LATER = ""
"""The text of an argument that is known when the call returns."""
PAGE = 4096
LONGEST_PATH = 4096
MOST_TEXTS = 32
"""Of a list, as of a program's arguments."""
SIGN, WORD, INT = 1 << 63, 1 << 64, 1 << 32


class SeenCall(NamedTuple):
    """A call at a moment: at its beginning `result` is None.

    longest: bytes of texts that are shown, paths aside.
    """

    arguments: Sequence[int]
    result: int | None
    read: Read
    longest: int


Kind: TypeAlias = Callable[[SeenCall, int], str | None]
"""The text of an argument, LATER, or None if there is none."""


def signed(value: int, bits: int = 64) -> int:
    """A word, or its lowest bits, as a number that may be negative."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _int(call: SeenCall, at: int) -> str:
    value = call.arguments[at]
    narrow = value >> 32 in (0, INT - 1)
    return str(signed(value, 32 if narrow else 64))


def _uint(call: SeenCall, at: int) -> str:
    return str(call.arguments[at])


def _hex(call: SeenCall, at: int) -> str:
    return f"{call.arguments[at]:#x}" if call.arguments[at] else "0"


def pointer(value: int) -> str:
    """An address."""
    return f"{value:#x}" if value else "NULL"


def _pointer(call: SeenCall, at: int) -> str:
    return pointer(call.arguments[at])


def _descriptor(call: SeenCall, at: int) -> str:
    return str(signed(call.arguments[at], 32))


def _folder(call: SeenCall, at: int) -> str:
    number = signed(call.arguments[at], 32)
    return "AT_FDCWD" if number == names.AT_FDCWD else str(number)


def _mode(call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    return f"0{value:03o}" if value else "000"


def _id(call: SeenCall, at: int) -> str:
    return str(signed(call.arguments[at], 32))


def bits_text(value: int, table: Mapping[int, str]) -> str:
    """The names of the bits that are set, and the rest as a number."""
    found = []
    for bits, name in table.items():
        if value & bits == bits:
            found.append(name)
            value &= ~bits
    return "|".join([*found, *([f"{value:#x}"] if value or not found else [])]).replace("0x0", "0")


def _bits(table: Mapping[int, str], call: SeenCall, at: int) -> str:
    return bits_text(call.arguments[at] & (INT - 1), table)


def _protection(call: SeenCall, at: int) -> str:
    return _bits(names.PROTECTION, call, at) if call.arguments[at] else "PROT_NONE"


def _value(table: Mapping[int, str], call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    return table.get(value) or f"{value:#x}"


def _open_flags(call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    rest = value & ~names.ACCESS_MODE_BITS
    mode = names.ACCESS_MODES[value & names.ACCESS_MODE_BITS]
    return f"{mode}|{bits_text(rest, names.OPEN_FLAGS)}" if rest else mode


def _flags_alone(call: SeenCall, at: int) -> str:
    return bits_text(call.arguments[at] & (INT - 1), names.OPEN_FLAGS)


def _created_mode(call: SeenCall, at: int) -> str | None:
    flags = call.arguments[at - 1]
    creates = flags & names.O_CREAT or flags & names.O_TMPFILE == names.O_TMPFILE
    return _mode(call, at) if creates else None


def _map_flags(call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    kind, rest = value & names.MAP_TYPE_BITS, value & ~names.MAP_TYPE_BITS
    named = names.MAP_TYPES.get(kind) or f"{kind:#x}"
    return f"{named}|{bits_text(rest, names.MAP_FLAGS)}" if rest else named


def signal_name(number: int) -> str:
    """A signal by name."""
    if names.FIRST_REALTIME <= number <= names.LAST_SIGNAL:
        rest = number - names.FIRST_REALTIME
        return f"SIGRT_{rest}" if rest else "SIGRTMIN"
    return names.SIGNALS.get(number) or str(number)


def _signal(call: SeenCall, at: int) -> str:
    return signal_name(signed(call.arguments[at], 32))


def _clone_flags(call: SeenCall, at: int) -> str:
    value = call.arguments[at]
    sent = value & names.CLONE_SIGNAL_BITS
    flags = value & ~names.CLONE_SIGNAL_BITS
    found = [bits_text(flags, names.CLONE_FLAGS)] if flags else []
    return "|".join([*found, *([signal_name(sent)] if sent or not found else [])])


def _futex(call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    command = value & ~(names.FUTEX_PRIVATE | names.FUTEX_CLOCK)
    text = names.FUTEX_COMMANDS.get(command) or f"{command:#x}"
    private = "_PRIVATE" if value & names.FUTEX_PRIVATE else ""
    return f"{text}{private}" + ("|FUTEX_CLOCK_REALTIME" if value & names.FUTEX_CLOCK else "")


def _socket_type(call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    kind, rest = value & names.SOCKET_TYPE_BITS, value & ~names.SOCKET_TYPE_BITS
    found = [names.SOCKET_TYPES.get(kind) or str(kind)] if kind else []
    return "|".join([*found, *([bits_text(rest, names.SOCKET_FLAGS)] if rest else [])]) or "0"


def _fcntl_argument(call: SeenCall, at: int) -> str | None:
    command, value = call.arguments[at - 1] & (INT - 1), call.arguments[at]
    if command in names.FCNTL_WITHOUT_ARGUMENT:
        return None
    if command == names.F_SETFD:
        return bits_text(value, {1: "FD_CLOEXEC"})
    if command == names.F_SETFL:
        return _open_flags(call, at)
    return str(signed(value, 32)) if command in names.FCNTL_OF_NUMBERS else pointer(value)


def _access(call: SeenCall, at: int) -> str:
    value = call.arguments[at] & (INT - 1)
    return bits_text(value, names.ACCESS_CHECKS) if value else "F_OK"


def text_at(read: Read, address: int, longest: int = LONGEST_PATH) -> bytes | None:
    """Bytes up to a zero, page by page; None if they are not all there."""
    found = b""
    while len(found) < longest:
        piece = read(address, min(PAGE - address % PAGE, longest - len(found)))
        if piece is None:
            return None
        text, zero, _ = piece.partition(b"\0")
        found += text
        if zero:
            return found
        address += len(piece)
    return found


def _path(call: SeenCall, at: int) -> str:
    """A text that ends with a zero; where it is not there yet, the kernel will have fetched it."""
    address = call.arguments[at]
    found = text_at(call.read, address) if address else None
    if found is None:
        return LATER if address and call.result is None else pointer(address)
    return quoted(found)


def _bytes(call: SeenCall, at: int) -> str:
    """What a program gives the kernel; the next argument is its size."""
    address, size = call.arguments[at], call.arguments[at + 1]
    found = call.read(address, min(size, call.longest + 1)) if address else None
    if found is None:
        return LATER if address and call.result is None else pointer(address)
    return quoted(found, call.longest)


def _filled(call: SeenCall, at: int, as_hex: bool = False) -> str:
    """What the kernel gives a program: as many bytes as the result says."""
    if call.result is None:
        return LATER
    address = call.arguments[at]
    found = call.read(address, min(call.result, call.longest + 1)) if call.result >= 0 else None
    return pointer(address) if found is None else quoted(found, call.longest, as_hex)


def _descriptor_pair(call: SeenCall, at: int) -> str:
    if call.result is None:
        return LATER
    found = call.read(call.arguments[at], 8) if call.result == 0 else None
    if found is None:
        return pointer(call.arguments[at])
    one, other = (int.from_bytes(each, "little") for each in (found[:4], found[4:]))
    return f"[{one}, {other}]"


def _words_at(call: SeenCall, at: int, most: int) -> list[int] | None:
    """The pointers of a list that a zero ends; None if they are not all there."""
    found: list[int] = []
    while len(found) < most:
        word = call.read(call.arguments[at] + 8 * len(found), 8)
        if word is None:
            return None
        value = int.from_bytes(word, "little")
        if not value:
            break
        found.append(value)
    return found


def _texts(call: SeenCall, at: int) -> str:
    """The texts of a list of them, as of a program's arguments."""
    places = _words_at(call, at, MOST_TEXTS + 1)
    texts = None if places is None else [text_at(call.read, place) for place in places]
    if texts is None:
        return pointer(call.arguments[at])
    shown = [
        pointer(place) if text is None else quoted(text, call.longest)
        for place, text in zip(places or (), texts[:MOST_TEXTS], strict=False)
    ]
    return f"[{', '.join([*shown, *(['...'] if len(texts) > MOST_TEXTS else [])])}]"


def _environment(call: SeenCall, at: int) -> str:
    places = _words_at(call, at, LONGEST_PATH)
    shown = pointer(call.arguments[at])
    if places is None:
        return shown
    return f"{shown} /* {len(places)} var{'' if len(places) == 1 else 's'} */"


KINDS: Mapping[str, Kind] = {
    "int": _int,
    "uint": _uint,
    "hex": _hex,
    "ptr": _pointer,
    "fd": _descriptor,
    "at": _folder,
    "mode": _mode,
    "id": _id,
    "protection": _protection,
    "open_flags": _open_flags,
    "flags_alone": _flags_alone,
    "created_mode": _created_mode,
    "map": _map_flags,
    "signal": _signal,
    "clone_flags": _clone_flags,
    "futex": _futex,
    "socket_type": _socket_type,
    "fcntl_argument": _fcntl_argument,
    "access": _access,
    "path": _path,
    "bytes": _bytes,
    "filled": _filled,
    "random": partial(_filled, as_hex=True),
    "fd_pair": _descriptor_pair,
    "texts": _texts,
    "environment": _environment,
    **{kind: partial(_bits, table) for kind, table in names.BITS.items()},
    **{kind: partial(_value, table) for kind, table in names.VALUES.items()},
}


def argument_texts(kinds: Sequence[str], call: SeenCall) -> list[str]:
    """The text of each argument; those that are not passed are left out at the end of a call."""
    found = [KINDS[kind](call, at) for at, kind in enumerate(kinds)]
    return [text for text in found if text is not None]
