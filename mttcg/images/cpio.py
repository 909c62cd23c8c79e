"""Archives in the kernel's format "newc" (linux: Documentation/driver-api/early-userspace)."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from mttcg.images.errors import ArchiveError

MAGIC = "070701"
TRAILER = "TRAILER!!!"
ALIGNMENT = 4
NUMBERS = 13
"""Of a header, as 8 digits each."""
HEADER = len(MAGIC) + 8 * NUMBERS


@dataclass
class Archive:
    """An archive as it grows; everything in it is root's and has no time."""

    parts: list[bytes] = field(default_factory=list)
    inodes: int = 0
    folders: set[str] = field(default_factory=set)

    def add_file(self, path: str, data: bytes, permissions: int = 0o644) -> None:
        """Add a regular file, and the folders that it is in."""
        self._add_parents(path)
        self._add(path, stat.S_IFREG | permissions, data)

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link, and the folders that it is in."""
        self._add_parents(path)
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def add_folder(self, path: str) -> None:
        """Add a folder, if it is not there, and those that it is in."""
        if path not in self.folders:
            self._add_parents(path)
            self.folders.add(path)
            self._add(path, stat.S_IFDIR | 0o755)

    def add_character_device(self, path: str, major: int, minor: int) -> None:
        """Add the node of a device."""
        self._add_parents(path)
        self._add(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def content(self) -> bytes:
        """Return the whole archive."""
        return b"".join([*self.parts, _entry(TRAILER, 0, 0, b"", (0, 0))])

    def _add_parents(self, path: str) -> None:
        parent, slash, _ = path.rpartition("/")
        if slash:
            self.add_folder(parent)

    def _add(
        self, path: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        self.inodes += 1
        self.parts.append(_entry(path, self.inodes, mode, data, device))


def files_in(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Give path and content of the regular files in an archive, in order.

    Raises ArchiveError for what is none.
    """
    at = 0
    while True:
        if archive[at : at + len(MAGIC)] != MAGIC.encode():
            raise ArchiveError(at)
        numbers = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(NUMBERS)]
        mode, size, length = numbers[1], numbers[6], numbers[11]
        name = archive[at + HEADER : at + HEADER + length - 1].decode()
        if name == TRAILER:
            return
        begin = at + HEADER + length + -(HEADER + length) % ALIGNMENT
        if stat.S_ISREG(mode):
            yield name, archive[begin : begin + size]
        at = begin + size + -size % ALIGNMENT


def _entry(path: str, inode: int, mode: int, data: bytes, device: tuple[int, int]) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # inode, mode, uid, gid, nlink, mtime, filesize, device of the file, its number, name, checksum
    numbers = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name), 0)
    header = (MAGIC + "".join(f"{number:08x}" for number in numbers)).encode()
    return _padded(header + name) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
