"""The initial RAM disk of a guest that is there for one program, made of that of an image."""

import os
from hashlib import blake2b
from pathlib import Path

from mttcg.guest.compressed import decompress, kind_of
from mttcg.images.catalogue import INITRD, ORIGIN
from mttcg.images.cpio import Archive, files_in
from mttcg.images.initramfs import CONSOLE
from mttcg.images.modules import SUFFIX
from mttcg.programs.module_file import DROPPED, without_tracing
from mttcg.programs.task import kernel_task

INIT = Path(__file__).with_name("init") / "init.elf"
"""The guest's first process, built from the sources beside it."""
MODULES = ("virtio_mmio", "9pnet_virtio", "9p")
"""Of the kernel, with what they need: for the ports, and the host's folders."""
DEPENDENCIES = "modules.dep"
TASK = "kernel"
"""What the first process does at first."""
PLACE = ".modules"
"""Where modules are; a sysroot has folders of the usual names."""


def base_archive(folder: Path) -> bytes:
    """Return what a guest starts with: modules, the first process, and what it does at first.

    folder: of an image; what is made is kept there, if that is possible.
    """
    init = INIT.read_bytes()
    made_of = init + (folder / ORIGIN).read_bytes() + repr((MODULES, DROPPED, PLACE, TASK)).encode()
    kept = folder / f"program-{blake2b(made_of, digest_size=8).hexdigest()}.cpio"
    try:
        return kept.read_bytes()
    except OSError:
        content = _make_base(folder, init)
    part = kept.with_suffix(f".part{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(kept)
    except OSError:  # next time anew
        part.unlink(missing_ok=True)
    return content


def _make_base(folder: Path, init: bytes) -> bytes:
    packed = (folder / INITRD).read_bytes()
    kind = kind_of(packed)
    files = dict(files_in(packed if kind is None else decompress(packed, kind)))
    [dependencies] = (path for path in files if path.endswith(f"/{DEPENDENCIES}"))
    release = dependencies.removesuffix(DEPENDENCIES)
    needs: dict[str, list[str]] = {}
    for line in files[dependencies].decode().splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    archive = Archive()
    archive.add_character_device("dev/console", *CONSOLE)
    archive.add_file("init", init, 0o755)
    modules = {f"{PLACE}/{Path(path).name}": path for path in _in_order(needs)}
    for place, path in modules.items():
        archive.add_file(place, without_tracing(files[release + path]))
    archive.add_file(TASK, kernel_task(list(modules)))
    return archive.content()


def _in_order(needs: dict[str, list[str]]) -> list[str]:
    """Paths of the modules that are wanted, each behind what it needs."""
    found: dict[str, None] = {}

    def add(path: str) -> None:
        for need in needs[path]:
            add(need)
        found[path] = None

    for name in MODULES:
        for path in needs:
            if Path(path).name.replace("-", "_") == f"{name}{SUFFIX}":
                add(path)
    return list(found)


def modules_in(base: bytes) -> list[str]:
    """Return the paths of the modules in a base archive, in the order in which they are loaded."""
    return [path for path, _ in files_in(base) if path.endswith(SUFFIX)]
