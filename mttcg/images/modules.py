"""Modules of a kernel: what they say of themselves in their section .modinfo (modinfo(8))."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from mttcg.guest.compressed import CompressionError, decompress, kind_of
from mttcg.images.errors import ImageError

SUFFIX = ".ko"


@dataclass(frozen=True)
class KernelModule:
    """A module of a kernel.

    Attributes:
        path: in the root file system.
        name: as the kernel has it, with "_".
        data: the ELF file, as it is loaded.
        needs: names of the modules that it uses.
        aliases: patterns of the devices that it is for.
    """

    path: str
    name: str
    data: bytes
    needs: tuple[str, ...]
    aliases: tuple[str, ...]


def module_name(path: str) -> str:
    """Return the name of a module by its path, or "" if it is none's."""
    stem, dot, _ = path.rpartition("/")[2].partition(SUFFIX)
    return stem.replace("-", "_") if dot else ""


def read_module(image: str, path: str, packed: bytes) -> KernelModule:
    """Read a module, compressed or not; `image` is for errors. Raises `ImageError`."""
    try:
        kind = kind_of(packed)
        data = packed if kind is None else decompress(packed, kind)
        section = ELFFile(BytesIO(data)).get_section_by_name(".modinfo")
        entries = b"" if section is None else section.data()
    except (CompressionError, ELFError) as error:
        raise ImageError(image, f"{path}: {error}", "a module of a kernel") from error
    told = [entry.partition("=")[::2] for entry in entries.decode("utf-8", "replace").split("\0")]
    needs = ",".join(value for key, value in told if key == "depends")
    return KernelModule(
        path=path[: path.index(SUFFIX)] + SUFFIX,
        name=module_name(path),
        data=data,
        needs=tuple(need.replace("-", "_") for need in needs.split(",") if need),
        aliases=tuple(value for key, value in told if key == "alias"),
    )


def modules_with_needs(
    image: str,
    packed: Mapping[str, tuple[str, bytes]],
    builtin: Iterable[str],
    wanted: Iterable[str],
) -> list[KernelModule]:
    """Return the modules wanted and all that they need, each behind what it needs.

    packed: path and content of each module, by name. builtin: names of what the kernel has built
    in. Raises `ImageError` for one that is in neither.
    """
    found: dict[str, KernelModule] = {}
    inside = set(builtin)

    def find(name: str) -> None:
        if name in found or name in inside:
            return
        if name not in packed:
            raise ImageError(image, f"the kernel has no module {name}", "one that it has")
        module = read_module(image, *packed[name])
        for need in module.needs:
            find(need)
        found[name] = module

    for name in wanted:
        find(name.replace("-", "_"))
    return list(found.values())


def dependencies_text(modules: Iterable[KernelModule], folder: str) -> str:
    """Return the text of modules.dep for modules whose paths are relative to a folder."""
    by_name = {module.name: module for module in modules}

    def needs_of(module: KernelModule) -> list[KernelModule]:
        direct = [by_name[need] for need in module.needs if need in by_name]
        deeper = [each for need in direct for each in needs_of(need)]
        return list(dict.fromkeys([*direct, *deeper]))

    def relative(module: KernelModule) -> str:
        return module.path.removeprefix(f"{folder}/")

    return "".join(
        f"{relative(module)}:{''.join(f' {relative(need)}' for need in needs_of(module))}\n"
        for module in by_name.values()
    )


def aliases_text(modules: Iterable[KernelModule]) -> str:
    """Return the text of modules.alias."""
    return "".join(
        f"alias {alias} {module.name}\n" for module in modules for alias in module.aliases
    )
