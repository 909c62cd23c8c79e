"""Guest memory as the back ends of devices access it, which tells of what they wrote."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam


class Piece(NamedTuple):
    """Bytes of guest memory, one behind the other."""

    address: Physical
    size: int


class DeviceMemory:
    """Guest RAM for direct memory access.

    Args:
        ram: where it is.
        wrote: is told of bytes that were written, before the guest is told of them.
    """

    def __init__(self, ram: GuestRam, wrote: Callable[[Iterable[Piece]], None]) -> None:
        self.ram, self.wrote = ram, wrote


class Buffers:
    """Pieces of guest memory that a driver gave, used up from the front or from the end.

    How a request is divided into pieces means nothing (section 2.7.4.2 of the specification).

    Attributes:
        left: bytes that are left.
        used: bytes that were taken, from the front.
        taken: the pieces that were, from either end.
    """

    def __init__(self, ram: GuestRam, pieces: Iterable[Piece]) -> None:
        self._ram = ram
        self._pieces = [piece for piece in pieces if piece.size]
        self.left = sum(piece.size for piece in self._pieces)
        self.used = 0
        self.taken: list[Piece] = []

    def take(self, size: int) -> list[memoryview]:
        """Take so many bytes from the front, or what there is, as they are in guest memory."""
        taken = []
        while size > 0 and self._pieces:
            piece = self._pieces.pop(0)
            if piece.size > size:
                rest = Piece(Physical(piece.address + size), piece.size - size)
                self._pieces.insert(0, rest)
                piece = Piece(piece.address, size)
            taken.append(self._ram.view(piece.address, piece.size))
            self.taken.append(piece)
            self.left -= piece.size
            self.used += piece.size
            size -= piece.size
        return taken

    def take_last(self) -> memoryview | None:
        """Take the last byte; None if there is none."""
        if not self._pieces:
            return None
        piece = self._pieces.pop()
        if piece.size > 1:
            self._pieces.append(Piece(piece.address, piece.size - 1))
        self.left -= 1
        self.taken.append(Piece(Physical(piece.address + piece.size - 1), 1))
        return self._ram.view(Physical(piece.address + piece.size - 1), 1)

    def read(self, size: int) -> bytes:
        """Take and copy so many bytes, or what there is."""
        return b"".join(self.take(size))

    def write(self, data: bytes) -> int:
        """Copy bytes there as far as there is room; how many."""
        done = 0
        for view in self.take(len(data)):
            view[:] = data[done : done + len(view)]
            done += len(view)
        return done
