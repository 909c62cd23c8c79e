"""What options attach to the guest's machine, and where a debugger attaches itself."""

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mttcg.errors import OptionError

EXPECTED = "FILE[,write|,readonly][,format=raw]; a comma in a name is written twice"
OVERLAID, WRITTEN, READ_ONLY = "", "write", "readonly"
"""What becomes of what the guest writes."""


@dataclass(frozen=True)
class Drive:
    """An image file.

    Attributes:
        path: of the file.
        access: "" if what the guest writes is lost at the end, "write" if it goes to the file,
            "readonly" if the guest can't write.
        format: of the file, which is "raw".
    """

    path: Path
    access: str = OVERLAID
    format: str = "raw"


def parse_drive(text: str) -> Drive:
    """Read "FILE[,write|,readonly][,format=raw]"; raises OptionError naming `--drive`."""
    # a doubled comma stands for one; no path has a null byte
    name, *words = text.replace(",,", "\0").split(",")
    access, kind = OVERLAID, "raw"
    for word in words:
        key, _, value = word.partition("=")
        if word in (WRITTEN, READ_ONLY) and access in (OVERLAID, word):
            access = word
        elif key == "format" and value:
            kind = value
        else:
            raise OptionError("--drive", f"{text!r}: {word!r} can't be there", EXPECTED)
    if kind != "raw":
        raise OptionError("--drive", f"{text!r}: format {kind!r} is not known", "format=raw")
    if not name:
        raise OptionError("--drive", f"{text!r} names no file", EXPECTED)
    return Drive(Path(name.replace("\0", ",")), access, kind)


SHARE_EXPECTED = "DIR[,write][,tag=NAME]; a comma in a name is written twice"
DEFAULT_TAG = "share"
LONGEST_TAG = 100
"""Bytes of a tag; there is room for more, which no mount command needs."""


@dataclass(frozen=True)
class Share:
    """A folder of the host.

    Attributes:
        path: of the folder.
        access: "readonly" or "write".
        tag: by which the guest mounts it.
    """

    path: Path
    access: str = READ_ONLY
    tag: str = DEFAULT_TAG


def parse_share(text: str) -> Share:
    """Read "DIR[,write][,tag=NAME]"; raises OptionError naming `--share`."""
    name, *words = text.replace(",,", "\0").split(",")
    access, tag = READ_ONLY, DEFAULT_TAG
    for word in words:
        key, _, value = word.partition("=")
        if word == WRITTEN:
            access = word
        elif key == "tag" and value.isprintable() and 0 < len(value.encode()) <= LONGEST_TAG:
            tag = value.replace("\0", ",")
        else:
            raise OptionError("--share", f"{text!r}: {word!r} can't be there", SHARE_EXPECTED)
    if not name:
        raise OptionError("--share", f"{text!r} names no folder", SHARE_EXPECTED)
    return Share(Path(name.replace("\0", ",")), access, tag)


def check_tags(shares: Sequence[Share]) -> None:
    """Raise OptionError for two shares with one tag."""
    tags = [share.tag for share in shares]
    for tag in tags:
        if tags.count(tag) > 1:
            wrong = f"{tags.count(tag)} have the tag {tag!r}"
            raise OptionError("--share", wrong, "another for each (tag=NAME)")


@dataclass(frozen=True)
class ProgramStreams:
    """The standard streams of a program in the guest, as descriptors of the process that asks.

    Attributes:
        input: what it reads.
        output: what it writes.
        errors: what it writes of errors.
        signals: from which the numbers of signals come that it is to get, a byte each.
        task: a file with what the guest's first process is to do.
    """

    input: int
    output: int
    errors: int
    signals: int
    task: int


NET_EXPECTED = (
    "passt, listen=PATH or connect=PATH[,mac=ADDRESS]; a comma in a name is written twice"
)
PASST, LISTEN, CONNECT = "passt", "listen", "connect"
"""Who is at the other end of a network: the program passt, or whoever has a socket."""
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)
GROUP_BIT = 1
"""Of the first byte of an address; no device has one with it."""


@dataclass(frozen=True)
class Net:
    """A network device.

    Attributes:
        peer: "passt", "listen" or "connect".
        path: of the socket, for the latter.
        mac: the device's address, "" for one of its place among the run's.
    """

    peer: str
    path: Path = Path()
    mac: str = ""


def parse_net(text: str) -> Net:
    """Read "passt", "listen=PATH" or "connect=PATH" [,mac=ADDRESS].

    Raises OptionError naming `--net`.
    """
    first, *words = text.replace(",,", "\0").split(",")
    peer, _, name = first.partition("=")
    if peer not in (PASST, LISTEN, CONNECT) or (name != "") != (peer != PASST):
        raise OptionError("--net", f"{text!r} can't be", NET_EXPECTED)
    mac = ""
    for word in words:
        key, _, mac = word.partition("=")
        if key != "mac" or not MAC.fullmatch(mac) or int(mac[:2], 16) & GROUP_BIT:
            raise OptionError("--net", f"{text!r}: {word!r} can't be there", NET_EXPECTED)
    return Net(peer, Path(name.replace("\0", ",")), mac.lower())


PLACE_EXPECTED = "HOST:PORT of a loopback address, :PORT, or the path of a socket to be made"
GDB = "--gdb"
LOOPBACK = "127.0.0.1"
HIGHEST_PORT = 65535
LONGEST_PATH = 107
"""Bytes of a Unix socket's path (sun_path of unix(7), less the terminating zero)."""
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:/]*):(?P<port>[0-9]{1,5})|(?P<bare>[0-9]{1,5})")


class DebugPlace(NamedTuple):
    """A socket's path; or a host and a port, 0 for any that is free. Neither: a path of its own."""

    path: Path | None = None
    host: str = ""
    port: int = 0


def parse_place(text: str) -> DebugPlace:
    """Read HOST:PORT or a path, "" for a path of its own; OptionError naming `--gdb`."""
    found = _PORT.fullmatch(text)
    if not text:
        return DebugPlace()
    if found is None:
        return DebugPlace(_free_path(text))
    host = (found["host"] or LOOPBACK).strip("[]")
    host = LOOPBACK if host == "localhost" else host
    port = int(found["port"] or found["bare"])
    if not _is_loopback(host):
        raise OptionError(GDB, f"{text!r} is reached from other machines", PLACE_EXPECTED)
    if port > HIGHEST_PORT:
        raise OptionError(GDB, f"{text!r}: there is no port {port}", f"at most {HIGHEST_PORT}")
    return DebugPlace(host=host, port=port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _free_path(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OptionError(GDB, f"{text!r} is too long", f"at most {LONGEST_PATH} bytes")
    if os.path.lexists(path):
        raise OptionError(GDB, f"{text!r} is there already", PLACE_EXPECTED)
    if not path.parent.is_dir():
        raise OptionError(GDB, f"{text!r}: there is no folder {path.parent}", PLACE_EXPECTED)
    return path
