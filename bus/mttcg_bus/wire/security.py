"""Keys: who may connect from other machines, and that nobody else reads or changes what is sent.

ZeroMQ's CURVE mechanism (rfc.zeromq.org/spec/26) encrypts, and proves to both sides who the other
is. A key file is text: a line `public` and a line `secret`, each with a key of 32 bytes as the 40
characters of Z85 (rfc.zeromq.org/spec/32). The file `.pub` beside it has the first line only.
"""

import os
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import zmq
from zmq.utils import z85

from mttcg_bus.errors import KeyFileError
from mttcg_bus.wire.tokens import USER, find_token, read_token, token_file

KEY_CHARACTERS = 40
LARGEST_KEY_FILE = 4096
REFUSALS = (
    zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
)
"""What a connection reports whose two sides have not the keys that they should have."""
CONTROLLER = b"controller"
"""What the guard calls those who may control the run, for libzmq to say it of their messages."""
_ZAP = "inproc://zeromq.zap.01"
"""Where libzmq asks who may connect (rfc.zeromq.org/spec/27)."""


@dataclass(frozen=True)
class Keys:
    """A pair of keys, as Z85 text."""

    public: str
    secret: str


@dataclass(frozen=True)
class ServerSecurity:
    """What a publisher needs to accept others: the file of its keys, and the public keys allowed.

    controllers: public keys of those who may control the run as well. Who has the publisher's own
    keys may do both: the processes of its run, and its user.
    """

    file: Path
    allowed: tuple[str, ...]
    controllers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClientSecurity:
    """What a subscriber needs to be accepted: its own keys, and the publisher's public key."""

    keys: Keys
    server: str


@dataclass(frozen=True)
class ClientToken:
    """What a subscriber on the machine of a publisher without keys needs. file: that it is from."""

    token: str
    file: str

    @classmethod
    def read(cls, file: Path) -> "ClientToken":
        """Read it from a file; raises TokenError."""
        return cls(read_token(file), str(file))


Security: TypeAlias = ClientSecurity | ClientToken


def make_keys(path: Path) -> Path:
    """Write a new pair to `path`, for its owner alone, and return the path of the public key.

    Raises KeyFileError, also if one of the files is there.
    """
    public, secret = (key.decode() for key in zmq.curve_keypair())
    beside = path.with_name(path.name + ".pub")
    line = f"public {public}\n"
    for file, mode, text in ((path, 0o600, f"{line}secret {secret}\n"), (beside, 0o644, line)):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise KeyFileError(str(file), error.strerror or "can't be written") from error
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
    return beside


def read_keys(path: Path) -> Keys:
    """Read both keys; raises KeyFileError, also if others than the owner may read the file."""
    lines = _read(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeyFileError(str(path), "others may read it; expected mode 0600")
    if lines.keys() != {"public", "secret"}:
        raise KeyFileError(str(path), "not a pair of keys; expected a file from `mttcg keys`")
    return Keys(lines["public"], lines["secret"])


def read_public(path: Path) -> str:
    """Read a public key, from either file; raises KeyFileError."""
    lines = _read(path)
    if "public" not in lines:
        raise KeyFileError(str(path), "no public key; expected a file from `mttcg keys`")
    return lines["public"]


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as stream:
            text = stream.read(LARGEST_KEY_FILE).decode("ascii", "replace")
    except OSError as error:
        raise KeyFileError(str(path), error.strerror or "unreadable") from error
    lines = dict(line.split(" ", 1) for line in text.splitlines() if line.count(" ") == 1)
    for key in lines.values():
        if not is_key(key):
            raise KeyFileError(str(path), "a key is malformed; expected 40 characters of Z85")
    return lines


def is_key(text: str) -> bool:
    """Whether `text` is a key in Z85."""
    try:
        return len(text) == KEY_CHARACTERS and len(z85.decode(text.encode())) == 32
    except (ValueError, KeyError):
        return False


class Credentials:
    """What a subscriber shows to the publisher at `address`.

    given: by its user; None: the token that a publisher of the same user has left, if there is one.
    """

    def __init__(self, address: str, given: Security | None) -> None:
        self._address, self._given = address, given
        self._shown = given or self._found()

    def _found(self) -> ClientToken | None:
        token = find_token(self._address)
        return None if token is None else ClientToken(token, str(token_file(self._address)))

    def secure(self, socket: "zmq.Socket[bytes]") -> None:
        """Let a socket show them, before it connects."""
        match self._shown:
            case ClientSecurity(keys, server):
                socket.set(zmq.CURVE_PUBLICKEY, keys.public.encode())
                socket.set(zmq.CURVE_SECRETKEY, keys.secret.encode())
                socket.set(zmq.CURVE_SERVERKEY, server.encode())
            case ClientToken(token):
                socket.set(zmq.PLAIN_USERNAME, USER.encode())
                socket.set(zmq.PLAIN_PASSWORD, token.encode())

    def renew(self) -> bool:
        """Look for another token, as the publisher may have come later; whether there is one."""
        if self._given is not None:
            return False
        before, self._shown = self._shown, self._found()
        return self._shown not in (None, before)

    @property
    def refusal(self) -> str:
        """What it means that a connection with these is refused."""
        match self._shown:
            case ClientSecurity():
                return "the keys of the two sides do not fit"
            case ClientToken(_, file):
                return (
                    f"it refused the token in {file}: that is of another run, or the bus has keys"
                )
        refused = "it refused a connection without keys"
        if not self._address.startswith("tcp://"):
            return f"{refused}, or is no publisher"
        where = token_file(self._address)
        whose = "the bus is another user's, or has keys"
        return f"{refused} or a token, and there is no {where}: {whose}"


class Guard(ABC):
    """Answers libzmq's question, for each connection, whether the other side may connect.

    context: of the socket to guard. A subclass says who may.
    """

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.socket: zmq.Socket[bytes] = context.socket(zmq.REP)
        self.socket.bind(_ZAP)

    def protect(self, socket: "zmq.Socket[bytes]") -> None:
        """Let a socket accept only who shows what it should, before it binds."""
        socket.set(zmq.ZAP_DOMAIN, b"mttcg")

    @abstractmethod
    def may_connect(self, mechanism: bytes, shown: list[bytes]) -> bool:
        """Whether who shows this may connect."""

    @abstractmethod
    def may_control(self, shown: list[bytes]) -> bool:
        """Whether who may connect with this may control the run, too."""

    def serve(self) -> None:
        """Answer one question."""
        version, number, _domain, _address, _identity, mechanism, *shown = (
            self.socket.recv_multipart()
        )
        good = self.may_connect(mechanism, shown)
        status = (b"200", b"OK") if good else (b"400", b"this is not allowed")
        user = CONTROLLER if good and self.may_control(shown) else b""
        self.socket.send_multipart([version, number, *status, user, b""])


class KeyGuard(Guard):
    """Lets in who has a key on a list.

    keys: of the publisher. allowed: keys that are on it. controllers: those that may control the
    run, too.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        keys: Keys,
        allowed: Iterable[str],
        controllers: Iterable[str] = (),
    ) -> None:
        super().__init__(context)
        self._keys = keys
        self._controllers = {z85.decode(key.encode()) for key in controllers}
        self._allowed = {z85.decode(key.encode()) for key in allowed} | self._controllers

    def protect(self, socket: "zmq.Socket[bytes]") -> None:
        """Let a socket accept CURVE alone."""
        super().protect(socket)
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_PUBLICKEY, self._keys.public.encode())
        socket.set(zmq.CURVE_SECRETKEY, self._keys.secret.encode())

    def may_connect(self, mechanism: bytes, shown: list[bytes]) -> bool:
        """Whether a key is on the list."""
        return mechanism == b"CURVE" and len(shown) == 1 and shown[0] in self._allowed

    def may_control(self, shown: list[bytes]) -> bool:
        """Whether a key is among the controllers'."""
        return shown[0] in self._controllers


class TokenGuard(Guard):
    """Lets in who shows the token, which the publisher's user alone can read."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", token: str) -> None:
        super().__init__(context)
        self._token = token

    def protect(self, socket: "zmq.Socket[bytes]") -> None:
        """Let a socket accept PLAIN alone."""
        super().protect(socket)
        socket.set(zmq.PLAIN_SERVER, 1)

    def may_connect(self, mechanism: bytes, shown: list[bytes]) -> bool:
        """Whether it is the token."""
        if mechanism != b"PLAIN" or len(shown) != 2 or shown[0] != USER.encode():
            return False
        return secrets.compare_digest(shown[1], self._token.encode())

    def may_control(self, shown: list[bytes]) -> bool:
        """The user may."""
        return True
