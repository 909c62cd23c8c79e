"""Where a program finds the folders of the host, and what lies around them.

Each folder that is shared has the path in the guest that it has on the host. Of a sysroot, each
name at its top is one at the guest's; a folder on the way to another that is shared is made, with
the names in it that the sysroot has there.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mttcg.attached import READ_ONLY, Share
from mttcg.errors import OptionError

ROOT = PurePosixPath("/")
SYSROOT = PurePosixPath("/.sysroot")
"""Where a sysroot is mounted."""
OF_LINUX = tuple(PurePosixPath(path) for path in ("/dev", "/proc", "/sys", SYSROOT))
"""What is Linux's own."""
MADE = tuple(PurePosixPath(path) for path in ("/dev", "/proc", "/sys", "/tmp", "/run", "/root"))
"""Folders that are always there."""


@dataclass(frozen=True)
class Mount:
    """A folder of the host, and its place in the guest."""

    share: Share
    place: PurePosixPath


@dataclass
class GuestFolders:
    """The guest's file system.

    Attributes:
        mounts: in the order in which they are made.
        folders: that are made, besides.
        links: symbolic links by path.
    """

    mounts: list[Mount] = field(default_factory=list)
    folders: list[PurePosixPath] = field(default_factory=list)
    links: dict[PurePosixPath, str] = field(default_factory=dict)

    def holds(self, path: PurePosixPath) -> bool:
        """Whether a path is in a folder of the host."""
        return any(path.is_relative_to(mount.place) for mount in self.mounts)


def guest_folders(
    shares: Sequence[Share], needed: Iterable[Path], sysroot: Path | None
) -> GuestFolders:
    """Lay out the guest's file system.

    shares: that were asked for. needed: folders that have to be there, read-only unless they are.
    Raises OptionError.
    """
    wanted = {_place(share.path): share.access for share in shares}
    for folder in needed:
        place = _place(folder)
        if not any(place.is_relative_to(each) for each in wanted):
            wanted[place] = READ_ONLY
    found = GuestFolders()
    if sysroot is not None:
        found.mounts.append(Mount(_share(sysroot, READ_ONLY, 0), SYSROOT))
    for place in sorted(wanted):  # what is in another comes behind it
        tag = len(found.mounts)
        found.mounts.append(Mount(_share(Path(place), wanted[place], tag), place))
    _surround(found, sysroot)
    return found


def _place(folder: Path) -> PurePosixPath:
    place = PurePosixPath(os.path.normpath(folder.absolute()))
    if place == ROOT or any(place.is_relative_to(each) for each in OF_LINUX):
        wrong = f"{place} is Linux's own in the guest"
        raise OptionError("--share", wrong, "another folder, also as the working directory")
    return place


def _share(path: Path, access: str, number: int) -> Share:
    return Share(path, access, f"host{number}")


def _surround(found: GuestFolders, sysroot: Path | None) -> None:
    """Make the folders on the way to mounts, and links to what else the sysroot has there."""
    places = {mount.place for mount in found.mounts}
    outer = [place for place in places if not _is_inside(place, places)]
    real = {parent for place in outer for parent in place.parents} | {*outer, *MADE}
    found.folders = sorted(real - {ROOT})
    if sysroot is None:
        return
    for folder in sorted(real - places - {*MADE}):
        inner = sysroot / folder.relative_to(ROOT)
        try:
            names = sorted(path.name for path in inner.iterdir())
        except OSError:  # it has no such folder
            continue
        for name in names:
            if folder / name not in real:
                found.links[folder / name] = str(SYSROOT / folder.relative_to(ROOT) / name)


def _is_inside(place: PurePosixPath, places: set[PurePosixPath]) -> bool:
    return any(parent in places for parent in place.parents)
