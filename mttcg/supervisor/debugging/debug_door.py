"""The socket at which a run waits for a debugger."""

import fcntl
import os
import shlex
import socket
import stat
import struct
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from mttcg.attached import GDB, DebugPlace
from mttcg.errors import OptionError
from mttcg_bus.wire.address import PREFIX, SHORT_PLACE, private_directory

SOCKET_NAME = "gdb"
PROGRAM = "gdb-multiarch"
CREDENTIALS = struct.Struct("3i")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DebugDoor:
    """A socket, which does not listen yet.

    Args:
        place: where; OptionError if that can't be.
    """

    def __init__(self, place: DebugPlace) -> None:
        self.folder: Path | None = None
        self.path = place.path
        if place.path is None and not place.host:
            remove_left()
            self.folder = private_directory(SOCKET_NAME)
            self.lock = os.open(self.folder, FOLDER)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
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
            with suppress(OSError):
                self.folder.rmdir()
            os.close(self.lock)
            self.folder = None


def remove_left() -> None:
    """Remove the folders of runs that were killed: nobody has a lock on those any more."""
    for place in {tempfile.gettempdir(), SHORT_PLACE}:
        for left in Path(place).glob(f"{PREFIX}*/{SOCKET_NAME}"):
            with suppress(OSError), ExitStack() as ends:  # another's, or in use
                lock = os.open(left.parent, FOLDER)
                ends.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                there = os.stat(SOCKET_NAME, dir_fd=lock, follow_symlinks=False)
                if stat.S_ISSOCK(there.st_mode) and there.st_uid == os.getuid():
                    os.unlink(SOCKET_NAME, dir_fd=lock)
                    left.parent.rmdir()
