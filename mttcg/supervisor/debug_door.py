"""The socket at which a run waits for a debugger."""

import contextlib
import shlex
import socket
import struct
import tempfile
from pathlib import Path

from mttcg.attached import GDB, LONGEST_PATH, DebugPlace
from mttcg.errors import OptionError

SOCKET_NAME = "gdb"
PROGRAM = "gdb-multiarch"
CREDENTIALS = struct.Struct("3i")


class DebugDoor:
    """A socket, which does not listen yet.

    Args:
        place: where; OptionError if that can't be.
    """

    def __init__(self, place: DebugPlace) -> None:
        self.folder: Path | None = None
        self.path = place.path
        if place.path is None and not place.host:
            self.folder = Path(tempfile.mkdtemp(prefix="mttcg-"))  # of mode 0700
            if len(str(self.folder / SOCKET_NAME).encode()) > LONGEST_PATH:
                self.folder.rmdir()
                self.folder = Path(tempfile.mkdtemp(prefix="mttcg-", dir="/tmp"))
            self.path = self.folder / SOCKET_NAME
        is_ipv6 = ":" in place.host
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        self.socket = socket.socket(socket.AF_UNIX if self.path else family)
        try:
            if self.path is None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind((place.host, place.port))
            else:
                self.socket.bind(str(self.path))
                self.path.chmod(0o600)
        except OSError as error:
            self.close()
            wrong = f"{self.path or f'{place.host}:{place.port}'}: {error.strerror}"
            raise OptionError(GDB, wrong, "a place where nobody listens") from error
        self.socket.setblocking(False)

    @property
    def target(self) -> str:
        """What a debugger is to connect to."""
        if self.path is not None:
            return str(self.path)
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def how(self) -> str:
        """How to connect, as a shell takes it."""
        return f"{PROGRAM} -ex {shlex.quote(f'target remote {self.target}')}"

    def accept(self) -> tuple[socket.socket, str]:
        """Who connects, and what it is called."""
        connection, address = self.socket.accept()
        if self.path is None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection, f"the debugger at {address[0]}:{address[1]}"
        given = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        return connection, f"the debugger of process {CREDENTIALS.unpack(given)[0]}"

    def close(self) -> None:
        """Listen no more, and leave nothing."""
        self.socket.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self.folder is not None:
            with contextlib.suppress(OSError):
                self.folder.rmdir()
