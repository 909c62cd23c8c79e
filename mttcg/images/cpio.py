"""Archives in the kernel's format "newc" (linux: Documentation/driver-api/early-userspace)."""

import stat
from dataclasses import dataclass, field

MAGIC = "070701"
TRAILER = "TRAILER!!!"
ALIGNMENT = 4


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


def _entry(path: str, inode: int, mode: int, data: bytes, device: tuple[int, int]) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # inode, mode, uid, gid, nlink, mtime, filesize, device of the file, its number, name, checksum
    numbers = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name), 0)
    header = (MAGIC + "".join(f"{number:08x}" for number in numbers)).encode()
    return _padded(header + name) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
