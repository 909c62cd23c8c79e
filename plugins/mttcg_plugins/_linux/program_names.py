"""Names of what programs and kernel run: by the files that are mapped."""

from bisect import bisect_right
from collections import defaultdict
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
    """

    def __init__(self, path: Path) -> None:
        self.functions = elf_functions(path)
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
        module_functions: of the kernel's modules, bytes and name by address.
    """

    def __init__(self, run: RunInfo) -> None:
        self.run, self.others = run, set[str]()
        self.module_functions: dict[int, tuple[int, str]] = {}
        self.module_starts: list[int] = []
        self.areas: dict[tuple[int, int], set[Area]] = defaultdict(set)
        self.file = cache(self._file)

    def _file(self, path: str) -> ProgramFile | None:
        if not path:
            return None
        try:
            return ProgramFile(Path(path))
        except ElfFileError:
            return None

    def at(self, process: tuple[int, int], pc: int) -> NamedPlace:
        """What is at an address of a process."""
        if pc >= KERNEL_HALF or not process[1]:
            name, offset = self.run.symbol_and_offset(pc)
            return NamedPlace(name, offset, KERNEL) if name else self._of_module(pc)
        found = [area for area in self.areas.get(process, ()) if area.start <= pc < area.end]
        if not found:
            return NamedPlace("", 0, UNKNOWN)
        area = max(found)  # of several, one after the other: always the same one
        file = self.file(area.file)
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
