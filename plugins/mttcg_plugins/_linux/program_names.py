"""Names of what programs and kernel run: by the files that are mapped."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mttcg.instrument import ElfFileError, elf_functions, elf_segments
from mttcg_bus.run_info import RunInfo

KERNEL_HALF = 1 << 63
KERNEL, UNKNOWN = "[kernel]", "[unknown]"


class NamedPlace(NamedTuple):
    """Where code is: its function, "" if it has no name, how far behind its start, and the file."""

    function: str
    offset: int
    file: str

    @property
    def shown(self) -> str:
        """The function, or in its place the file."""
        return self.function or self.file


class Area(NamedTuple):
    """A part of a file that a process has mapped; `file`: where it is here, "" if it is not."""

    start: int
    end: int
    offset: int
    path: str
    file: str = ""


class ProgramFile:
    """The functions of a file, by place in it.

    Args:
        path: of the file here. Raises ElfFileError for one that can't be read.
        root: the top of the guest's files here, with debug files below usr/lib/debug.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.functions = elf_functions(path, root)
        self.starts = [start for start, _, _ in self.functions]
        self.segments = elf_segments(path)

    def at(self, offset: int) -> tuple[str, int]:
        """The function at a place in the file, and how far behind its start; "" if none is."""
        for segment in self.segments:
            if 0 <= offset - segment.offset < segment.size:
                linked = segment.linked + offset - segment.offset
                return self._at_linked(linked)
        return "", 0

    def _at_linked(self, linked: int) -> tuple[str, int]:
        after = bisect_right(self.starts, linked)
        for start, size, name in reversed(self.functions[max(0, after - 8) : after]):
            if linked - start < size or (not size and linked - start < 4096):
                return name, linked - start
        return "", 0


class ProgramNames:
    """Names of addresses, in each process by itself.

    Args:
        run: has the kernel's names.

    Attributes:
        areas: by process number and address space.
        others: files that are others than the guest's, by their paths there.
        stripped: files without functions.
        wrong: what is wrong with others that can't be read, or with their debug files.
        module_functions: of the kernel's modules, bytes and name by address.
    """

    def __init__(self, run: RunInfo) -> None:
        self.run, self.others, self.stripped, self.wrong = run, set[str](), set[str](), set[str]()
        self.module_functions: dict[int, tuple[int, str]] = {}
        self.module_starts: list[int] = []
        self.areas: dict[tuple[int, int], set[Area]] = defaultdict(set)
        self.file = cache(self._file)

    def _file(self, path: str, there: str) -> ProgramFile | None:
        """A file; `there`: its path in the guest."""
        if not path:
            return None
        try:
            found = ProgramFile(Path(path), Path(path.removesuffix(there) or "/"))
        except ElfFileError as error:
            self.wrong.add(str(error))
            return None
        if not found.functions:
            self.stripped.add(there)
        return found

    def without_names(self) -> Iterator[tuple[str, set[str]]]:
        """The files whose functions have no names, by what is wrong, as far as there are such."""
        every = {
            "other than the guest's": self.others,
            "stripped, without a debug file": self.stripped,
            "not read": self.wrong,
        }
        yield from ((title, paths) for title, paths in every.items() if paths)

    def at(self, process: tuple[int, int], pc: int) -> NamedPlace:
        """What is at an address of a process."""
        if pc >= KERNEL_HALF or not process[1]:
            name, offset = self.run.symbol_and_offset(pc)
            return NamedPlace(name, offset, KERNEL) if name else self._of_module(pc)
        found = [area for area in self.areas.get(process, ()) if area.start <= pc < area.end]
        if not found:
            return NamedPlace("", 0, UNKNOWN)
        area = max(found)  # of several, one after the other: always the same one
        file = self.file(area.file, area.path)
        name, offset = file.at(pc - area.start + area.offset) if file else ("", 0)
        return NamedPlace(name, offset, area.path)

    def _of_module(self, pc: int) -> NamedPlace:
        starts = self._module_starts()
        after = bisect_right(starts, pc)
        for start in reversed(starts[max(0, after - 8) : after]):
            size, name = self.module_functions[start]
            if pc - start < size:
                return NamedPlace(name, pc - start, KERNEL)
        return NamedPlace("", 0, KERNEL)

    def _module_starts(self) -> list[int]:
        if len(self.module_starts) != len(self.module_functions):
            self.module_starts = sorted(self.module_functions)
        return self.module_starts
