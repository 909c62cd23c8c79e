"""The wire format; the only module that knows msgpack. PROTOCOL.md describes what it does.

A message has three frames: topic, header, payload. The header is a msgpack map with the protocol
version `v`, the message's `type`, and the type's fields. Whatever arrives is checked here: anything
malformed or too large is a ProtocolError and nothing else.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import msgpack

from mttcg_bus.errors import ProtocolError, WrongVersion
from mttcg_bus.wire import plain as checked
from mttcg_bus.wire.limits import (
    LARGEST_HEADER,
    LARGEST_PAYLOAD,
    LARGEST_TOPIC,
    LONGEST_HEADER_LIST,
    LONGEST_NAME,
    LONGEST_REASON,
    cut,
)
from mttcg_bus.wire.plain import Bytes

PROTOCOL_VERSION = 1

_MALFORMED = (ValueError, TypeError, OverflowError, msgpack.UnpackException)
"""What msgpack raises for what it can't read."""


_NAME, _REASON = ({"longest": longest} for longest in (LONGEST_NAME, LONGEST_REASON))
"""Fields with text for people, which is cut to so many characters."""


@dataclass(frozen=True)
class Message:
    """Root of all messages; TYPE is the `type` in the header."""

    TYPE: ClassVar[str] = ""


@dataclass(frozen=True)
class Hello(Message):
    """Subscriber: send me the topics that start with one of `prefixes`.

    name: for people. credit: bytes of payload it takes unacknowledged. policy: what becomes of
    records that it has no room for; "" for the stream's. later: 1 if it wants those as well that
    are opened while it is there.
    """

    TYPE: ClassVar[str] = "hello"
    name: str = field(metadata=_NAME)
    prefixes: tuple[str, ...]
    credit: int
    policy: str = ""
    later: int = 0


@dataclass(frozen=True)
class Welcome(Message):
    """Publisher: you are subscribed; the payload is plain data with `run` and `streams`.

    segments: abstract Unix socket where a subscriber on this host borrows the rings, "" if there
    is none. ticket: what it shows there.
    """

    TYPE: ClassVar[str] = "welcome"
    segments: str = ""
    ticket: str = ""


@dataclass(frozen=True)
class Refused(Message):
    """Publisher: your last message was not accepted."""

    TYPE: ClassVar[str] = "refused"
    reason: str = field(metadata=_REASON)


@dataclass(frozen=True)
class Batch(Message):
    """Publisher: the payload is `count` records, the first of them number `first`.

    run: identifier of the run. dropped: records the producer had given up by then. at: where the
    records lie in the borrowed ring, in bytes from its start; 0: they are the payload.
    """

    TYPE: ClassVar[str] = "batch"
    run: str
    stream: str
    cpu: int
    first: int
    count: int
    dropped: int
    at: int = 0


@dataclass(frozen=True)
class End(Message):
    """Publisher: this vCPU's part of the stream has ended, after `records` records."""

    TYPE: ClassVar[str] = "end"
    run: str
    stream: str
    cpu: int
    records: int
    dropped: int


@dataclass(frozen=True)
class Finish(Message):
    """Publisher: every part of every stream has ended; say goodbye when you are done."""

    TYPE: ClassVar[str] = "finish"


@dataclass(frozen=True)
class Acknowledge(Message):
    """Subscriber: I am done with the records before number `next` of this vCPU's stream."""

    TYPE: ClassVar[str] = "acknowledge"
    stream: str
    cpu: int
    next: int


@dataclass(frozen=True)
class Beat(Message):
    """Publisher: I am here; `records` were read from all rings so far."""

    TYPE: ClassVar[str] = "beat"
    records: int


@dataclass(frozen=True)
class Ask(Message):
    """Anybody, subscribed or not: send me the ledger, or a snapshot, as `what` says."""

    TYPE: ClassVar[str] = "ask"
    what: str = "ledger"


@dataclass(frozen=True)
class LedgerNow(Message):
    """Publisher: the payload is plain data with `streams` and `subscribers`, as of now."""

    TYPE: ClassVar[str] = "ledger"


@dataclass(frozen=True)
class SnapshotNow(Message):
    """Publisher: the payload is plain data, a `snapshot.Snapshot`."""

    TYPE: ClassVar[str] = "snapshot"


@dataclass(frozen=True)
class Opened(Message):
    """Publisher: more streams, which the payload describes as that of `welcome` does."""

    TYPE: ClassVar[str] = "opened"


@dataclass(frozen=True)
class Command(Message):
    """Whoever may control the run: do this; the payload is plain data, the arguments.

    number: comes back with the result.
    """

    TYPE: ClassVar[str] = "command"
    number: int
    name: str = field(metadata=_NAME)


@dataclass(frozen=True)
class Result(Message):
    """Publisher: the command was done, and the payload is plain data; or not, as `error` says."""

    TYPE: ClassVar[str] = "result"
    number: int
    error: str = field(default="", metadata=_REASON)


@dataclass(frozen=True)
class Goodbye(Message):
    """Either side: I leave."""

    TYPE: ClassVar[str] = "goodbye"
    reason: str = field(metadata=_REASON)


@dataclass(frozen=True)
class Borrow(Message):
    """Subscriber, at the segments' socket: let me read the ring of this vCPU's stream in place."""

    TYPE: ClassVar[str] = "borrow"
    ticket: str
    stream: str
    cpu: int


@dataclass(frozen=True)
class Lent(Message):
    """Publisher: the ring's descriptor, open for reading, comes with this message."""

    TYPE: ClassVar[str] = "lent"
    stream: str
    cpu: int


@dataclass(frozen=True)
class Unknown(Message):
    """A message of a type that this side does not know; readers ignore it."""

    type: str


MessageTable: TypeAlias = Mapping[str, type[Message]]


def table_of(*types: type[Message]) -> MessageTable:
    """Return the message types by their name on the wire."""
    return {message.TYPE: message for message in types}


MESSAGES = table_of(
    Hello,
    Welcome,
    Refused,
    Batch,
    End,
    Finish,
    Acknowledge,
    Beat,
    Goodbye,
    Borrow,
    Lent,
    Ask,
    LedgerNow,
    SnapshotNow,
    Opened,
    Command,
    Result,
)

_TAKE: dict[Any, Callable[[Mapping[str, Any], str], Any]] = {
    str: checked.take_text,
    int: checked.take_integer,
    tuple[str, ...]: checked.take_texts,
    tuple[int, ...]: checked.take_integers,
    dict[str, Any]: checked.take_mapping,
}


@dataclass(frozen=True)
class ReceivedMessage:
    """One message from the other side; `payload` is in place, in what was received."""

    topic: str
    message: Message
    payload: memoryview


def pack(value: object) -> bytes:
    """Return plain data as msgpack."""
    packed: bytes = msgpack.packb(value)
    return packed


def unpack(data: Bytes, largest: int) -> dict[str, Any]:
    """Return the mapping that `data`, of at most `largest` bytes, holds; raises ProtocolError.

    What it takes is in proportion to what came.
    """
    if len(data) > largest:
        raise ProtocolError(f"{len(data)} bytes of msgpack; expected at most {largest}")
    # a list's room is taken when its length is read, so first see whether its elements are there
    whole = msgpack.Unpacker(max_buffer_size=max(1, len(data)))
    try:
        whole.feed(data)
        whole.skip()
    except _MALFORMED as error:
        raise ProtocolError(f"malformed msgpack: {error}") from error
    return _unpack(data, longest_list=len(data))


def _unpack(data: Bytes, longest_list: int) -> dict[str, Any]:
    try:
        value = msgpack.unpackb(data, max_array_len=longest_list)
    except _MALFORMED as error:
        raise ProtocolError(f"malformed msgpack: {error}") from error
    return checked.mapping_of(value, "message")


def _within(of: "dataclasses.Field[Any]", value: Any) -> Any:
    return cut(value, of.metadata["longest"]) if of.metadata else value


def encode_header(message: Message) -> bytes:
    """Return the header frame of `message`; a field that has its default is left out."""
    plain = {"v": PROTOCOL_VERSION, "type": message.TYPE}
    for each in dataclasses.fields(message):
        value = _within(each, getattr(message, each.name))
        if value != each.default:
            plain[each.name] = value
    return pack(plain)


def decode_header(
    data: Bytes, table: MessageTable = MESSAGES, largest: int = LARGEST_HEADER
) -> Message:
    """Return the message of a header frame, Unknown if its type is not in `table`.

    Fields that the type does not have are ignored, and those that have a default may be absent.
    Raises WrongVersion, ProtocolError.
    """
    if len(data) > largest:
        raise ProtocolError(f"header of {len(data)} bytes; expected at most {largest}")
    if largest > LARGEST_HEADER:
        plain = unpack(data, largest)
    else:
        plain = _unpack(data, LONGEST_HEADER_LIST)
    version = checked.take_integer(plain, "v")
    if version != PROTOCOL_VERSION:
        raise WrongVersion(version, PROTOCOL_VERSION)
    name = checked.take_text(plain, "type")
    kind: Any = table.get(name)
    if kind is None:
        return Unknown(name)
    message: Message = kind(
        **{
            each.name: _within(each, _TAKE[each.type](plain, each.name))
            for each in dataclasses.fields(kind)
            if each.default is dataclasses.MISSING or each.name in plain
        }
    )
    return message


def encode(topic: str, message: Message) -> tuple[bytes, bytes]:
    """Return the first two frames of a message; the payload, maybe empty, is the third."""
    return topic.encode(), encode_header(message)


def decode(frames: Sequence[Bytes]) -> ReceivedMessage:
    """Return what three received frames say; raises WrongVersion, ProtocolError."""
    if len(frames) != 3:
        raise ProtocolError(f"message of {len(frames)} frames; expected 3")
    topic, header, payload = (memoryview(frame).cast("B") for frame in frames)
    if len(topic) > LARGEST_TOPIC or len(payload) > LARGEST_PAYLOAD:
        raise ProtocolError(f"topic of {len(topic)} or payload of {len(payload)} bytes: too large")
    try:
        name = str(topic, "utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError("topic is not UTF-8") from error
    return ReceivedMessage(name, decode_header(header), payload)
