"""Keys: who may connect from other machines, and that nobody else reads or changes what is sent.

ZeroMQ's CURVE mechanism (rfc.zeromq.org/spec/26) encrypts, and proves to both sides who the other
is. A key file is text: a line `public` and a line `secret`, each with a key of 32 bytes as the 40
characters of Z85 (rfc.zeromq.org/spec/32). The file `.pub` beside it has the first line only.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from mttcg_bus.errors import KeyFileError

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


def secure_client(socket: "zmq.Socket[bytes]", security: ClientSecurity | None) -> None:
    """Let a socket speak CURVE to a publisher, before it connects."""
    if security is not None:
        socket.set(zmq.CURVE_PUBLICKEY, security.keys.public.encode())
        socket.set(zmq.CURVE_SECRETKEY, security.keys.secret.encode())
        socket.set(zmq.CURVE_SERVERKEY, security.server.encode())


def refusal_of(security: ClientSecurity | None) -> str:
    """Say what it means that a connection with such keys is refused."""
    if security is None:
        return "it refused a connection without keys, or is no publisher"
    return "the keys of the two sides do not fit"


class Guard:
    """Answers libzmq's question, for each connection, whether the key of the other side is good.

    context: of the socket to guard. allowed: keys that are. controllers: those that may control the
    run, too. denied: connections that were refused.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        allowed: Iterable[str],
        controllers: Iterable[str] = (),
    ) -> None:
        self._controllers = {z85.decode(key.encode()) for key in controllers}
        self._allowed = {z85.decode(key.encode()) for key in allowed} | self._controllers
        self.denied = 0
        self.socket: zmq.Socket[bytes] = context.socket(zmq.REP)
        self.socket.bind(_ZAP)

    def protect(self, socket: "zmq.Socket[bytes]", keys: Keys) -> None:
        """Let a socket accept CURVE alone, before it binds."""
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_PUBLICKEY, keys.public.encode())
        socket.set(zmq.CURVE_SECRETKEY, keys.secret.encode())
        socket.set(zmq.ZAP_DOMAIN, b"mttcg")

    def serve(self) -> None:
        """Answer one question."""
        version, number, _domain, _address, _identity, mechanism, *keys = (
            self.socket.recv_multipart()
        )
        good = mechanism == b"CURVE" and len(keys) == 1 and keys[0] in self._allowed
        self.denied += not good
        status = (b"200", b"OK") if good else (b"400", b"this key is not allowed")
        user = CONTROLLER if keys and keys[0] in self._controllers else b""
        self.socket.send_multipart([version, number, *status, user, b""])
