"""Ethernet frames on a stream socket: each is its length in four bytes, big-endian, and itself.

That is how QEMU's `-netdev stream` and passt talk (qemu: net/stream.c).
"""

import select
import socket
import struct
from collections.abc import Callable, Mapping

from mttcg.hardware.devices.virtio.backend import NOTHING_WANTED

LENGTH = struct.Struct("!I")
LEAST_FRAME, MOST_FRAME = 14, 1 << 16
"""Bytes: a frame has a header; none is longer, whatever the medium (section 5.1.6.3)."""
RECEIVED_BYTES = 1 << 16


class FrameStream:
    """The other end of a network cable, which may come and go.

    Args:
        listener: takes a new peer when there is none; None if a peer that has gone is not replaced.
        peer: who is there from the start on.
        tell: told why there is nobody any more.
    """

    def __init__(
        self,
        listener: socket.socket | None,
        peer: socket.socket | None,
        tell: Callable[[str], None],
    ) -> None:
        self.listener, self.peer, self.tell = listener, peer, tell
        self._received, self._unsent = bytearray(), b""
        for end in (listener, peer):
            if end is not None:
                end.setblocking(False)

    def wanted(self, has_buffers: bool) -> Mapping[int, int]:
        """What is waited for, see `Model.wanted`."""
        if self.peer is None:
            return {} if self.listener is None else {self.listener.fileno(): select.POLLIN}
        events = select.POLLIN if has_buffers and self._frame_end() is None else 0
        events |= select.POLLOUT if self._unsent else 0
        return {self.peer.fileno(): events} if events else NOTHING_WANTED

    def can_send(self) -> bool:
        """Whether a frame may be sent: what was sent before is out."""
        if self._unsent and self.peer is not None:
            self._send()
        return not self._unsent

    def send(self, frame: bytes) -> bool:
        """Send a frame; whether there is somebody to take it. `can_send` was asked before."""
        self._accept()
        if self.peer is None:
            return False
        self._unsent = LENGTH.pack(len(frame)) + frame
        self._send()
        return self.peer is not None

    def has_frame(self) -> bool:
        """Whether a frame has come, whole."""
        self._accept()
        while self.peer is not None and self._frame_end() is None:
            try:
                data = self.peer.recv(RECEIVED_BYTES)
            except BlockingIOError:
                break
            except OSError as error:
                self._lose(error.strerror or str(error))
                break
            if not data:
                self._lose("it has closed the connection")
                break
            self._received += data
            self._check()
        return self._frame_end() is not None

    def frame(self) -> bytes:
        """The next frame, of those that have come; `has_frame` says whether there is one."""
        end = self._frame_end()
        assert end is not None
        found = bytes(self._received[LENGTH.size : end])
        del self._received[:end]
        self._check()
        return found

    def close(self) -> None:
        """Close the ends."""
        for end in (self.listener, self.peer):
            if end is not None:
                end.close()

    def _length(self) -> int | None:
        if len(self._received) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._received)
        return int(length)

    def _frame_end(self) -> int | None:
        """Where the first frame ends; None if it is not whole."""
        length = self._length()
        end = LENGTH.size + (length or 0)
        return end if length is not None and len(self._received) >= end else None

    def _check(self) -> None:
        """Part with a peer whose frames have lengths that can't be."""
        length = self._length()
        if length is not None and not LEAST_FRAME <= length <= MOST_FRAME:
            self._lose(f"it sends a frame of {length} bytes")

    def _accept(self) -> None:
        if self.peer is None and self.listener is not None:
            try:
                self.peer, _ = self.listener.accept()
            except OSError:  # nobody is there, or is no more
                return
            self.peer.setblocking(False)

    def _send(self) -> None:
        assert self.peer is not None
        try:
            self._unsent = self._unsent[self.peer.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error.strerror or str(error))

    def _lose(self, why: str) -> None:
        """Go on without a peer; a part of a frame means nothing to another one."""
        if self.peer is not None:
            self.peer.close()
            self.peer = None
        self._received.clear()
        self._unsent = b""
        self.tell(why)
