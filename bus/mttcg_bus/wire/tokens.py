"""Tokens: what lets the processes of one user, and no other's, into a bus on a TCP port.

Any user of a machine reaches its TCP ports. So a publisher without keys that is bound to one makes
a token, and leaves it in a file that only its user can read, named after the address. A subscriber
of that user finds it there by the address that it connects to, and shows it as the password of
ZeroMQ's PLAIN mechanism (rfc.zeromq.org/spec/24). Nothing of that leaves the machine.
"""

import contextlib
import fcntl
import os
import re
import secrets
import stat
import time
from pathlib import Path

from mttcg_bus.errors import TokenError
from mttcg_bus.wire.limits import LARGEST_TOKEN_FILE

USER = "mttcg"
"""The name beside the token, which PLAIN asks for."""
FRESH_SECONDS = 60.0
"""A file that is no older may be one that somebody is about to lock."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,255}")
_TCP = re.compile(r"tcp://(.+):([0-9]+)")
_PRIVATE = 0o077
"""Bits of a mode that let others in."""


def make_token() -> str:
    """Return a new token, of 256 random bits."""
    return secrets.token_urlsafe(32)


def token_folders() -> tuple[Path, ...]:
    """Return where tokens of this user may be, the first of which is where they are written."""
    user = os.geteuid()
    session = Path(f"/run/user/{user}")  # as systemd makes it for who is logged in
    fallback = Path(f"/tmp/mttcg-{user}")
    return (session / "mttcg", fallback) if _why_not_own(session) == "" else (fallback,)


def token_file(url: str) -> Path:
    """Return where the token of a bus at a TCP address is, if it is there."""
    files = [folder / _name_of(url) for folder in token_folders()]
    return next((file for file in files if file.exists()), files[0])


def find_token(url: str) -> str | None:
    """Return the token that a publisher of this user left for `url`, None if there is none."""
    file = token_file(url)
    if not _TCP.fullmatch(url) or _why_not_own(file.parent):
        return None
    try:
        return read_token(file)
    except TokenError:
        return None


def read_token(file: Path) -> str:
    """Read a token; raises TokenError, also if others than the owner may read the file."""
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(LARGEST_TOKEN_FILE).decode("ascii", "replace").strip()
    except OSError as error:
        raise TokenError(str(file), error.strerror or "unreadable") from error
    if mode & _PRIVATE:
        raise TokenError(str(file), "others may read it; expected mode 0600")
    if not _TOKEN.fullmatch(text):
        raise TokenError(str(file), "not a token; expected the file that a run has left")
    return text


class LeftToken:
    """The token of a bus at `url`, where subscribers of this user look; raises TokenError.

    Its file is locked as long as this process has it, so others see that it is in use.
    """

    def __init__(self, url: str, token: str) -> None:
        folder = token_folders()[0]
        file = folder / _name_of(url)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            why = _why_not_own(folder)
            if why:
                raise TokenError(str(folder), f"{why}; expected a folder of mode 0700 of this user")
            _sweep(folder)
            self._descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            os.write(self._descriptor, f"{token}\n".encode())
            fresh.replace(file)
        except OSError as error:
            raise TokenError(str(file), error.strerror or "can't be written") from error
        self._url, self._token = url, token

    def remove(self) -> None:
        """Remove it."""
        remove_token(self._url, self._token)
        os.close(self._descriptor)


def remove_token(url: str, token: str) -> None:
    """Remove a token that was left, unless another has taken its place."""
    file = token_file(url)
    with contextlib.suppress(TokenError, OSError):
        if read_token(file) == token:
            file.unlink()
            file.parent.rmdir()  # if it was the last


def _sweep(folder: Path) -> None:
    """Remove what processes have left that were killed."""
    for file in folder.iterdir():
        with contextlib.suppress(OSError), file.open("rb") as stream:
            if time.time() - os.fstat(stream.fileno()).st_mtime > FRESH_SECONDS:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.unlink()


def _name_of(url: str) -> str:
    found = _TCP.fullmatch(url)
    return f"{found[1]}-{found[2]}" if found else "none"


def _why_not_own(folder: Path) -> str:
    """Say why a folder is not this user's alone, "" if it is."""
    try:
        found = folder.lstat()
    except OSError as error:
        return error.strerror or "unreadable"
    if not stat.S_ISDIR(found.st_mode):
        return "it is no folder"
    if found.st_uid != os.geteuid():
        return "it is another user's"
    return "others may use it" if found.st_mode & _PRIVATE else ""
