"""Packets of the remote protocol (GDB manual, E.1 Overview): bytes to packets, and back."""

from typing import NamedTuple

BEGIN, END, ESCAPE, INTERRUPT = b"$", b"#", 0x7D, 0x03
ESCAPED = frozenset(b"}#$*")
"""What does not stand for itself in a packet."""
ESCAPE_BIT = 0x20
ACCEPTED, REFUSED = b"+", b"-"
LONGEST = 1 << 14
"""Bytes of a packet that is taken; GDB is told so."""
LARGEST_WAITING = 4 * LONGEST
"""Bytes that may wait for the end of their packet: no debugger sends so many."""


class Packet(NamedTuple):
    """What has come: a packet's content; or none, for a request to stop, or one that is damaged.

    Attributes:
        content: without escapes.
        interrupt: the guest is to stop.
        damaged: its checksum is wrong.
    """

    content: bytes = b""
    interrupt: bool = False
    damaged: bool = False


def unescaped(data: bytes) -> bytes:
    """The content of a packet, with each character for itself."""
    if ESCAPE not in data:
        return data
    found = bytearray()
    is_escaped = False
    for byte in data:
        if byte == ESCAPE and not is_escaped:
            is_escaped = True
            continue
        found.append(byte ^ ESCAPE_BIT if is_escaped else byte)
        is_escaped = False
    return bytes(found)


def escaped(data: bytes) -> bytes:
    """A content as it goes into a packet."""
    if not ESCAPED.intersection(data):
        return data
    return b"".join(
        bytes((ESCAPE, byte ^ ESCAPE_BIT)) if byte in ESCAPED else bytes((byte,)) for byte in data
    )


def encode(content: bytes) -> bytes:
    """A packet with a content."""
    body = escaped(content)
    return BEGIN + body + END + b"%02x" % (sum(body) % 256)


class PacketReader:
    """Takes what a debugger sends, in whatever pieces it comes."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def take(self, data: bytes) -> list[Packet]:
        """The packets that are whole by now; ValueError for what can be no debugger's."""
        self.waiting += data
        found: list[Packet] = []
        while self.waiting:
            if self.waiting[0] == INTERRUPT:
                del self.waiting[0]
                found.append(Packet(interrupt=True))
            elif not self.waiting.startswith(BEGIN):
                del self.waiting[0]  # an acknowledgement, or nothing that means anything
            else:
                packet = self._first()
                if packet is None:
                    break
                found.append(packet)
        if len(self.waiting) > LARGEST_WAITING:
            raise ValueError(f"{len(self.waiting)} bytes of one packet; expected at most {LONGEST}")
        return found

    def _first(self) -> Packet | None:
        """The packet that begins what waits; None if it is not whole."""
        end = self.waiting.find(END)
        if end < 0 or len(self.waiting) < end + 3:
            return None
        body, given = bytes(self.waiting[1:end]), bytes(self.waiting[end + 1 : end + 3])
        del self.waiting[: end + 3]
        if given.lower() != b"%02x" % (sum(body) % 256):
            return Packet(damaged=True)
        return Packet(unescaped(body))
