"""Addresses of the bus: which are allowed, and the socket files that belong to them.

`ipc:///path/of/a/socket` is reached by this machine's processes that may reach the path.
`tcp://127.0.0.1:port` (or localhost, [::1]) is reached by everybody on this machine, so there a
subscriber shows a token, see `tokens`. Any other address of TCP is refused unless both sides have
keys, see `security`.
"""

import contextlib
import ipaddress
import os
import re
import tempfile
from pathlib import Path

from mttcg_bus.errors import AddressInUse, AddressRefused

SOCKET_NAME = "bus"
PREFIX, SHORT_PLACE = "mttcg-", "/tmp"
"""Of the names of private directories; and where they are, at the latest."""
LONGEST_PATH = 107
"""Bytes of a Unix socket's path (sun_path of unix(7), less the terminating zero)."""

_TCP = re.compile(r"tcp://(\[[0-9a-fA-F:.]+\]|[^\[\]:/]+):(\*|[0-9]{1,5})")


def private_address() -> tuple[str, Path]:
    """Return an ipc address in a fresh directory of mode 0700, and the directory."""
    directory = private_directory(SOCKET_NAME)
    return f"ipc://{directory / SOCKET_NAME}", directory


def private_directory(name: str) -> Path:
    """Make a directory of mode 0700 for a socket of that name.

    It is where temporary files are, or in /tmp if that is too far down for a socket's path.
    """
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    if len(os.fsencode(directory / name)) > LONGEST_PATH:
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=SHORT_PLACE))
    return directory


def socket_path(url: str) -> Path | None:
    """Return the path of an ipc address, None for another."""
    return Path(url.removeprefix("ipc://")) if url.startswith("ipc://") else None


def check_address(url: str, secured: bool = False) -> str:
    """Return `url` in the form that ZeroMQ takes; raises AddressRefused.

    secured: whether keys protect what is sent.
    """
    if url.startswith("ipc://"):
        path = url.removeprefix("ipc://")
        if not path.startswith("/") or len(os.fsencode(path)) > LONGEST_PATH:
            raise AddressRefused(url, f"expected an absolute path of at most {LONGEST_PATH} bytes")
        return url
    match = _TCP.fullmatch(url)
    if not match:
        raise AddressRefused(url, "expected ipc:///path or tcp://127.0.0.1:port")
    host, port = match.groups()
    if port != "*" and int(port) > 65535:
        raise AddressRefused(url, "expected a port of at most 65535")
    if not (secured or is_loopback(host)):
        wrong = "reaches beyond this machine; expected a loopback address, or keys"
        raise AddressRefused(url, wrong)
    return f"tcp://127.0.0.1:{port}" if host == "localhost" else url


def check_free(url: str) -> None:
    """Raise AddressInUse if something lies at an ipc address; binding would replace it."""
    path = socket_path(url)
    if path is not None and os.path.lexists(path):
        raise AddressInUse(url, "the socket file exists; end its owner or remove the file")


def remove_socket(url: str, directory: Path | None) -> None:
    """Remove the socket file of `url`, and `directory` if it is one of `private_address`."""
    path = socket_path(url)
    if path is not None:
        path.unlink(missing_ok=True)
    if directory is not None:
        with contextlib.suppress(FileNotFoundError):
            directory.rmdir()


def is_loopback(host: str) -> bool:
    """Tell whether a host of an address, a name or a number, is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
