"""Files of a Debian package (deb(5)): an ar archive with a tar archive in it; nothing is run."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from mttcg.guest.compressed import CompressionError, decompress, kind_of
from mttcg.images.errors import PackageError

AR_MAGIC = b"!<arch>\n"
AR_HEADER_SIZE = 60
AR_NAME, AR_SIZE = slice(0, 16), slice(48, 58)
AR_END = b"`\n"
"""What ends a member's header."""


def members_of(path: Path, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give names and contents of an ar archive's members, in order. Raises `PackageError`."""
    if not content.startswith(AR_MAGIC):
        raise PackageError(path, "it is no ar archive")
    at = len(AR_MAGIC)
    while at < len(content):
        header = content[at : at + AR_HEADER_SIZE]
        size = header[AR_SIZE].strip()
        if not header.endswith(AR_END) or not size.isdigit():
            raise PackageError(path, f"it is damaged at byte {at}")
        at += AR_HEADER_SIZE
        member = content[at : at + int(size)]
        if len(member) < int(size):
            raise PackageError(path, f"it is truncated, {len(content)} of {at + int(size)} bytes")
        yield header[AR_NAME].decode("ascii", "replace").rstrip(" /"), member
        at += int(size) + int(size) % 2  # members begin at even bytes


def files_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give paths, without "./" before them, and contents of a package's regular files.

    Raises `PackageError`, OSError.
    """
    for name, packed in members_of(path, path.read_bytes()):
        if name.startswith("data.tar"):
            yield from _files_in_tar(path, packed)
            return
    raise PackageError(path, "it has no data.tar")


def _files_in_tar(path: Path, packed: bytes) -> Iterator[tuple[str, bytes]]:
    kind = kind_of(packed)
    try:
        plain = packed if kind is None else decompress(packed, kind)
        with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
            for member in archive:
                if member.isfile() and (file := archive.extractfile(member)) is not None:
                    yield member.name.removeprefix("./"), file.read()
    except (CompressionError, tarfile.TarError) as error:
        raise PackageError(path, str(error)) from error
