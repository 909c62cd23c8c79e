"""Which line of which source file an address comes from: the line table of an ELF (DWARF 4, 5).

Read once for each file and kept, as long as the file stays as it is.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np

from mttcg.instrument.errors import ElfFileError
from mttcg.instrument.program.elf_segments import Placements
from mttcg.instrument.program.separate_files import LINES, file_with
from mttcg.memory.ram import RamRange

FILES_KEPT = 4
Addresses: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"
Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Rows: TypeAlias = dict[int, tuple[int, str, int]]
"""End, file and line of the code at each address."""


@dataclass(frozen=True)
class SourceLines:
    """The line table of an ELF.

    Attributes:
        starts, ends: addresses of each row's code, in order; rows do not overlap.
        lines: the row's line.
        numbers: of the row's file, in `files`.
        files: paths as the compiler was given them, made absolute by its folder if that is.
    """

    starts: Addresses
    ends: Addresses
    lines: Numbers
    numbers: Numbers
    files: tuple[str, ...]

    def at(self, address: int) -> tuple[str, int] | None:
        """File and line of an address, None if the table has none."""
        if not 0 <= address < 1 << 64:
            return None
        row = int(np.searchsorted(self.starts, np.uint64(address), side="right")) - 1
        if row < 0 or address >= int(self.ends[row]):
            return None
        return self.files[self.numbers[row]], int(self.lines[row])

    def line_at(self, address: int) -> str:
        """File and line of an address as `file.c:12`, "" if the table has none."""
        found = self.at(address)
        return f"{found[0]}:{found[1]}" if found else ""

    def rows(self) -> Iterator[tuple[int, int, str, int]]:
        """Start, end, file and line of each row."""
        columns = (self.starts.tolist(), self.ends.tolist(), self.numbers.tolist())
        for start, end, number, line in zip(*columns, self.lines.tolist(), strict=True):
            yield start, end, self.files[number], line


def source_lines(path: Path | str, ram: tuple[int, int] | None = None) -> SourceLines:
    """Read the line table of an ELF file, or of its debug file beside it; empty without one.

    Its addresses are those at which the guest runs. ram: base and bytes of RAM, as for
    `elf_segments`. Raises ElfFileError for a file that can't be read.
    """
    path = Path(path)
    try:
        states = [each.stat() for each in (path, file_with(LINES, path))]
        return _read(path, ram, tuple((state.st_mtime_ns, state.st_size) for state in states))
    except OSError as error:
        raise ElfFileError(path, error.strerror or str(error)) from error


@lru_cache(maxsize=FILES_KEPT)
def _read(
    path: Path, ram: tuple[int, int] | None, _states: tuple[tuple[int, int], ...]
) -> SourceLines:
    from elftools.common.exceptions import ELFCompressionError

    from mttcg.instrument.program.debug_sections import DebugFile

    with path.open("rb") as file, file_with(LINES, path).open("rb") as file_with_lines:
        try:
            elf = DebugFile(file_with_lines)
            has_lines = elf.has_dwarf_info(strict=True)
            linked = _collect(elf.get_dwarf_info(follow_links=False)) if has_lines else {}
            found = _as_used(linked, Placements.of(DebugFile(file), RamRange.of(ram)))
        except OSError:
            raise
        except ELFCompressionError as error:
            wrong = f"its debug information can't be decompressed ({error})"
            raise ElfFileError(path, wrong) from error
        except Exception as error:  # pyelftools trusts what it parses
            wrong = f"its debug information is damaged ({type(error).__name__} {error})"
            raise ElfFileError(path, wrong) from error
    files = tuple(sorted({name for _, name, _ in found.values()}))
    number = {name: place for place, name in enumerate(files)}
    starts = sorted(found)
    rows = [found[start] for start in starts]
    return SourceLines(
        np.array(starts, dtype=np.uint64),
        np.array([end for end, _, _ in rows], dtype=np.uint64),
        np.array([line for _, _, line in rows], dtype=np.int64),
        np.array([number[name] for _, name, _ in rows], dtype=np.int64),
        files,
    )


def _collect(information: Any) -> Rows:
    """The rows of all units; where several have one address, the last counts."""
    found: Rows = {}
    for unit in information.iter_CUs():
        program = information.line_program_for_CU(unit)
        if program is None:
            continue
        names = _file_names(unit, program)
        before = None
        for state in (entry.state for entry in program.get_entries() if entry.state is not None):
            if before is not None and before.line and state.address > before.address:
                found[before.address] = state.address, names.get(before.file, ""), before.line
            before = None if state.end_sequence else state
    return found


def _as_used(found: Rows, placements: Placements) -> Rows:
    """The same rows where the code runs, which is not always where it was linked for."""
    return {
        (used := placements.of_linked(start)): (used + end - start, name, line)
        for start, (end, name, line) in found.items()
    }


def _file_names(unit: Any, program: Any) -> dict[int, str]:
    """Paths of a unit's files by their number in its line program (DWARF 5, 6.2.4)."""
    header, version = program.header, program.header.version
    top = unit.get_top_DIE().attributes
    folder = os.fsdecode(top["DW_AT_comp_dir"].value) if "DW_AT_comp_dir" in top else ""
    given = [os.fsdecode(name) for name in header["include_directory"]]
    # from version 5 on the first folder and file are the unit's own, and count from 0
    folders = given if version >= 5 else [folder, *given]
    first = 0 if version >= 5 else 1
    names = {}
    for place, entry in enumerate(header["file_entry"], first):
        inside = folders[entry.dir_index] if entry.dir_index < len(folders) else ""
        names[place] = str(PurePosixPath(folder) / inside / os.fsdecode(entry.name))
    return names
