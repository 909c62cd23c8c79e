"""Which images can be had, what each is made of, and how it is made."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mttcg.images.apt import KEYRING, MIRROR, Apt, Repository
from mttcg.images.deb import files_of
from mttcg.images.errors import ImageError
from mttcg.images.initramfs import INIT, MODULES_FOLDER, make_initramfs
from mttcg.images.modules import module_name, modules_with_needs

KERNEL, INITRD, FIRMWARE, ORIGIN = "Image", "initrd.cpio.gz", "fw_dynamic.bin", "origin.json"
"""Files of an image; the last says what it was made of."""
CACHE = Path("~/.cache/mttcg/images")


@dataclass(frozen=True)
class ImageRow:
    """An image that can be had.

    Attributes:
        name: as in the command.
        summary: what it is, in a line.
        isa: of the guest, by name.
        architecture: of its packages, in Debian's words.
        suite: the release that they are from.
        kernel: the package that depends on the kernel's.
        kernel_prefix: how the name of that one begins.
        others: further packages.
        firmware: path of the firmware in one of them.
        modules: of the kernel, by name, for the devices of the board, and file systems.
    """

    name: str
    summary: str
    isa: str
    architecture: str
    suite: str
    kernel: str
    kernel_prefix: str
    others: tuple[str, ...]
    firmware: str
    modules: tuple[str, ...]


IMAGES = {
    row.name: row
    for row in (
        ImageRow(
            name="debian-riscv64",
            summary="Debian 13: its kernel, busybox in an initramfs, and OpenSBI",
            isa="riscv64",
            architecture="riscv64",
            suite="trixie",
            kernel="linux-image-riscv64",
            kernel_prefix="linux-image-6",
            others=("busybox-static", "opensbi"),
            firmware="usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
            modules=(
                "virtio_mmio",
                "virtio_blk",
                "virtio_net",
                "virtio_rng",
                "9pnet_virtio",
                "9p",
                "ext4",
            ),
        ),
    )
}


def row_of(name: str) -> ImageRow:
    """Return the row of an image. Raises `ImageError`."""
    if name not in IMAGES:
        raise ImageError(name, "there is no such image", " or ".join(IMAGES))
    return IMAGES[name]


def folder_of(row: ImageRow, cache: Path) -> Path:
    """Return where an image's files are, if it was fetched."""
    return cache / row.name


def is_there(row: ImageRow, cache: Path) -> bool:
    """Whether an image was fetched."""
    return (folder_of(row, cache) / ORIGIN).is_file()


def is_current(row: ImageRow, cache: Path, modules: Sequence[str] = ()) -> bool:
    """Whether an image is there with these modules, and was made as this version makes it."""
    try:
        origin = json.loads((folder_of(row, cache) / ORIGIN).read_text())
    except (OSError, ValueError):
        return False
    if not isinstance(origin, dict) or origin.get("recipe") != recipe_of(row):
        return False
    return set(modules) <= set(origin.get("modules", ()))


def recipe_of(row: ImageRow) -> str:
    """What an image's files come from besides its packages, as a digest."""
    return hashlib.sha256(repr((row, INIT)).encode()).hexdigest()


def get(
    row: ImageRow,
    cache: Path,
    *,
    mirror: str = MIRROR,
    keyring: Path = KEYRING,
    modules: Sequence[str] = (),
) -> Path:
    """Fetch an image's packages and make its files; the folder that they are in.

    modules: of the kernel, besides those of the row. Raises `ImageError`, `PackageError`.
    """
    with tempfile.TemporaryDirectory(prefix="mttcg-images-") as folder:
        repository = Repository(mirror, row.suite, row.architecture, keyring)
        apt = Apt(row.name, repository, Path(folder))
        apt.prepare()
        kernel = apt.dependency(row.kernel, row.kernel_prefix)
        packages = apt.fetch((kernel, *row.others))
        return make(row, cache, packages, modules)


def make(row: ImageRow, cache: Path, packages: Sequence[Path], modules: Sequence[str] = ()) -> Path:
    """Make an image's files of packages that are there; the folder that they are in.

    modules: as for `get`. Raises `ImageError`, `PackageError`.
    """
    found = _Contents(row, packages)
    folder = folder_of(row, cache)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ORIGIN).unlink(missing_ok=True)  # until all is there
        (folder / KERNEL).write_bytes(found.kernel)
        wanted = [*row.modules, *modules]
        needed = modules_with_needs(row.name, found.modules, found.builtin, wanted)
        (folder / INITRD).write_bytes(make_initramfs(found.busybox, found.release, needed))
        (folder / FIRMWARE).write_bytes(found.firmware)
        names = [path.name for path in packages]
        made = {"modules": [*modules], "recipe": recipe_of(row)}
        origin = {"release": found.release, "packages": names, **made}
        (folder / ORIGIN).write_text(json.dumps(origin, indent=1) + "\n")
    except OSError as error:
        wrong = f"{error.filename or folder}: {error.strerror}"
        raise ImageError(row.name, wrong, "a folder to write to (--cache)") from error
    return folder


class _Contents:
    """What an image takes from its packages.

    Attributes:
        kernel, busybox, firmware: files.
        release: of the kernel.
        modules: path and content by name.
        builtin: names of modules that the kernel has built in.
    """

    def __init__(self, row: ImageRow, packages: Sequence[Path]) -> None:
        self.modules: dict[str, tuple[str, bytes]] = {}
        self.builtin: list[str] = []
        taken: dict[str, bytes] = {}
        for package in packages:
            for path, content in files_of(package):
                self._take(path.removeprefix("usr/"), content, taken)
        wanted = ("kernel", "bin/busybox", row.firmware.removeprefix("usr/"))
        for name in wanted:
            if name not in taken:
                told = ", ".join(path.name for path in packages) or "none"
                wrong = f"there is no {name} in its packages ({told})"
                raise ImageError(row.name, wrong, f"those of {row.kernel} and {row.others}")
        self.kernel, self.busybox, self.firmware = (taken[name] for name in wanted)

    def _take(self, path: str, content: bytes, taken: dict[str, bytes]) -> None:
        kernel, dash, release = path.partition("-")
        if path.startswith(f"{MODULES_FOLDER}/"):
            if name := module_name(path):
                self.modules[name] = (path, content)
            elif path.endswith("/modules.builtin"):
                self.builtin = [module_name(line) for line in content.decode().split()]
        elif dash and kernel in ("boot/vmlinux", "boot/vmlinuz"):
            self.release, taken["kernel"] = release, content
        else:
            taken[path] = content
