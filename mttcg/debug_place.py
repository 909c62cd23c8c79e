"""Where a debugger connects: a socket in the file system, or a port of the loopback interface."""

import ipaddress
import os
import re
from pathlib import Path
from typing import NamedTuple

from mttcg.errors import OptionError

EXPECTED = "HOST:PORT with a loopback address, :PORT, or the path of a socket that is to be made"
OPTION = "--gdb"
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
        raise OptionError(OPTION, f"{text!r} is reached from other machines", EXPECTED)
    if port > HIGHEST_PORT:
        raise OptionError(OPTION, f"{text!r}: there is no port {port}", f"at most {HIGHEST_PORT}")
    return DebugPlace(host=host, port=port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _free_path(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OptionError(OPTION, f"{text!r} is too long", f"at most {LONGEST_PATH} bytes")
    if os.path.lexists(path):
        raise OptionError(OPTION, f"{text!r} is there already", EXPECTED)
    if not path.parent.is_dir():
        raise OptionError(OPTION, f"{text!r}: there is no folder {path.parent}", EXPECTED)
    return path
