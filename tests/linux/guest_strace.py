"""Debian's strace in its guest: an initramfs that has it, and what it shows.

    python tests/linux/guest_strace.py

fetches the packages, for the tests that need them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from debian_guest import FOLDER, ROW

from mttcg.guest.compressed import compress
from mttcg.images.apt import KEYRING, MIRROR, Apt, Repository
from mttcg.images.catalogue import CACHE, INITRD
from mttcg.images.cpio import Archive
from mttcg.images.deb import files_of

PACKAGES = CACHE.expanduser().parent / "test-packages"
WANTED = ("strace", "libc6")
PLACES = {"strace": "bin", "libc.so.6": "lib", "ld-linux-riscv64-lp64d.so.1": "lib"}
"""Files of the packages, and where they go."""
ROW_OF_STRACE = re.compile(r"(\d+) +(\w+)\((.*)\) += (.+)")


def packages() -> list[Path]:
    """The packages that were fetched."""
    return [path for name in WANTED for path in sorted(PACKAGES.glob(f"{name}_*.deb"))]


needs_strace = pytest.mark.skipif(
    len(packages()) < len(WANTED), reason="python tests/linux/guest_strace.py"
)


def initrd_with_strace(folder: Path) -> Path:
    """The image's initramfs, and behind it one with strace: the kernel takes both."""
    archive = Archive()
    for package in packages():
        for path, data in files_of(package):
            name = path.rpartition("/")[2]
            if name in PLACES:
                archive.add_file(f"{PLACES[name]}/{name}", data, 0o755)
    made = folder / INITRD
    made.write_bytes((FOLDER / INITRD).read_bytes() + compress(archive.content()))
    return made


class ShownCall(NamedTuple):
    """A system call as a log has it."""

    pid: int
    name: str
    arguments: list[str]
    result: str


def calls_of_strace(text: str) -> Iterator[ShownCall]:
    """What `strace -f -o` has written, with calls that others came between put together."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        pid, _, rest = line.partition(" ")
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>").strip()
            continue
        if resumed := re.match(r" *<\.\.\. \w+ resumed>(.*)", rest):
            between = "" if begun[pid].endswith("(") or resumed[1].startswith(")") else " "
            rest = begun.pop(pid) + between + resumed[1].strip()
        if row := ROW_OF_STRACE.fullmatch(f"{pid} {rest.strip()}"):
            yield ShownCall(int(row[1]), row[2], top_level(row[3]), row[4].strip())


def top_level(text: str) -> list[str]:
    """The arguments of a call, without comments; what is in brackets or quotes stays whole."""
    text = re.sub(r" /\* .*? \*/", "", text)
    found, depth, quoted, at = [""], 0, False, 0
    while at < len(text):
        piece = text[at : at + 2] if quoted and text[at] == "\\" else text[at]
        at += len(piece)
        quoted ^= piece == '"'
        depth += 0 if quoted else (piece in "([{") - (piece in ")]}")
        if piece == "," and not depth and not quoted:
            found.append("")
        else:
            found[-1] += piece
    return [each.strip() for each in found] if text else []


if __name__ == "__main__":
    PACKAGES.mkdir(parents=True, exist_ok=True)
    apt = Apt("tests", Repository(MIRROR, ROW.suite, ROW.architecture, KEYRING), PACKAGES)
    apt.prepare()
    print(*apt.fetch(WANTED))
