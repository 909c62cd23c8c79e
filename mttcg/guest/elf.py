"""Guest ELF files, read and checked (System V gABI, chapters 4 and 5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_E_MACHINE
from elftools.elf.sections import SymbolTableSection

from mttcg.errors import GuestFileError
from mttcg.guest.image import (
    GuestImage,
    LoadedSegment,
    Symbol,
    SymbolTable,
    ram_text,
    set_symbols,
)
from mttcg.guest.outside_ram import Sections, left_out_text, parts_outside, range_text
from mttcg.guest.user_program import foreign_program_text, is_for_linux, what_runs
from mttcg.instrument.errors import ElfFileError
from mttcg.instrument.program.elf_segments import Placement, Placements
from mttcg.instrument.program.separate_files import SYMBOLS, file_with, no_symbols
from mttcg.isa.base import Isa
from mttcg.isa.registry import NAMES, UnknownIsaError, isa_named, isa_of_machine
from mttcg.memory.address import Physical, Virtual
from mttcg.memory.ram import RamRange

__all__ = ["GuestImage", "LoadedSegment", "Symbol", "load_guest", "set_symbols"]

MAGIC = b"\x7fELF"
IDENT_SIZE = 16
IDENT_CHECKS = (
    (4, 2, "class", {1: "it is a 32-bit ELF"}),
    (5, 1, "data encoding", {2: "it is a big-endian ELF"}),
)
"""Bytes of e_ident: (offset, value wanted, name, what is wrong by value)."""
PROGRAM_HEADER_SIZE, SECTION_HEADER_SIZE = 56, 64
MACHINE_NAMES = {
    "EM_386": "x86",
    "EM_X86_64": "x86-64",
    "EM_ARM": "ARM",
    "EM_AARCH64": "AArch64",
    "EM_MIPS": "MIPS",
    "EM_PPC64": "PowerPC64",
    "EM_S390": "S/390",
}
FILE_TYPES = ("ET_EXEC", "ET_DYN")
WRONG_FILE_TYPES = {
    "ET_REL": "it is an object file that was not linked",
    "ET_CORE": "it is a core dump",
}
SYMBOL_TYPES = ("STT_NOTYPE", "STT_OBJECT", "STT_FUNC")
ISAS = tuple(map(isa_named, NAMES))
EXPECTED = f"a 64-bit little-endian {' or '.join(isa.title for isa in ISAS)} ELF executable"


def _expected_isas() -> str:
    """With what each engine has of each ISA."""
    texts = (
        f"{engine}: {isa.system.isa_text(extensions)}"
        for isa in ISAS
        for engine, extensions in isa.system.extensions.items()
    )
    return f"{EXPECTED} ({'; '.join(texts)})"


def load_guest(path: Path | str, ram_base: Physical, ram_size: int) -> GuestImage:
    """Read a guest ELF and check that this board can run it.

    `ram_base`, `ram_size`: guest RAM, in bytes. Segments load at their physical addresses.
    Raises `GuestFileError`, one line, for anything that is wrong with the file.
    """
    path = Path(path)
    content = _read_file(path)
    try:
        return _read_elf(path, content, RamRange(ram_base, ram_size))
    except (GuestFileError, ImportError):
        raise
    except Exception as error:
        # pyelftools trusts what it parses: damage shows as any of a dozen kinds of exception
        raise _damaged(path, f"{type(error).__name__} {error}") from error


def _damaged(path: Path, cause: str) -> GuestFileError:
    """Make the error for an ELF that contradicts itself; the cause in one line."""
    wrong = f"the ELF is damaged ({' '.join(cause.split())[:100]})"
    return GuestFileError(path, wrong, EXPECTED)


def _read_file(path: Path) -> bytes:
    """Return an ELF file's content; only a regular file, as another might be waited on for ever."""
    try:
        if path.is_dir():
            raise GuestFileError(path, "it is a directory", EXPECTED)
        if path.exists() and not path.is_file():
            raise GuestFileError(path, "it is not a regular file", EXPECTED)
        with path.open("rb") as file:
            head = file.read(IDENT_SIZE)
            _check_identification(path, head)  # first, so that no disk image is read whole
            return head + file.read()
    except FileNotFoundError as error:
        raise GuestFileError(path, "there is no such file", EXPECTED) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise GuestFileError(path, f"it can't be read ({reason})", EXPECTED) from error


def _check_identification(path: Path, head: bytes) -> None:
    """Check e_ident, the file's first 16 bytes (gABI chapter 4, "ELF Identification")."""
    if not head:
        raise GuestFileError(path, "the file is empty", EXPECTED)
    if not head.startswith(MAGIC):
        raise GuestFileError(path, "it is not an ELF file", EXPECTED)
    if len(head) < IDENT_SIZE:
        raise GuestFileError(path, f"the ELF is truncated after {len(head)} bytes", EXPECTED)
    for offset, good, name, wrongs in IDENT_CHECKS:
        value = head[offset]
        if value != good:
            wrong = wrongs.get(value, f"its ELF {name} is {value}, which does not exist")
            raise GuestFileError(path, wrong, _expected_isas())


def _read_elf(path: Path, content: bytes, ram: RamRange) -> GuestImage:
    elf = ELFFile(BytesIO(content))
    isa = _isa_of(path, elf, ram)
    _check_header(path, elf)
    whole = sorted(Placements.of(elf).segments, key=lambda one: one.loaded)
    for placement in whole:
        _check_segment(path, content, placement)
    warnings = _check_outside(path, elf, whole, ram)
    placements = Placements.of(elf, ram)
    if not placements.segments:
        raise GuestFileError(path, "it has no loadable segment", EXPECTED)
    segments = sorted(_read_segment(content, placement) for placement in placements.segments)
    _check_apart(path, segments)
    with _file_with_symbols(path, elf) as (named, missing):
        symbols = _read_symbols(named, placements)
    # of several with one name the last stays: sorted, so that it is a global one
    by_name = {symbol.name: symbol for _, symbol in sorted(symbols)}
    table = SymbolTable(tuple(sorted({symbol for _, symbol in symbols})), by_name, missing)
    return GuestImage(
        path=path,
        isa=isa,
        ram=ram,
        entry=_entry(path, elf["e_entry"], placements.entry),
        segments=tuple(segments),
        read_symbols=lambda: table,
        placements=placements,
        file_warnings=tuple(warnings),
    )


def _isa_of(path: Path, elf: ELFFile, ram: RamRange) -> Isa:
    """The instruction set that it is for."""
    machine = elf["e_machine"]  # a name, or a number that pyelftools has no name for
    try:
        return isa_of_machine(ENUM_E_MACHINE.get(machine, machine))
    except UnknownIsaError:
        name = MACHINE_NAMES.get(machine, str(machine).removeprefix("EM_"))
        if is_for_linux(elf):
            wrong = f"it is a program for Linux on another machine, {name}"
            raise GuestFileError(path, wrong, what_runs(ram)) from None
        wrong = f"it is for another machine, {name}"
        raise GuestFileError(path, wrong, _expected_isas()) from None


def _check_header(path: Path, elf: ELFFile) -> None:
    """Check the ELF header (gABI chapter 4): type, sizes of table entries."""
    file_type = str(elf["e_type"])
    if file_type not in FILE_TYPES:
        wrong = WRONG_FILE_TYPES.get(file_type, f"its ELF type is {file_type}")
        raise GuestFileError(path, wrong, EXPECTED)
    # a wrong size, 0 above all, would have the parser read the same entry for ever
    if elf["e_phnum"] and elf["e_phentsize"] != PROGRAM_HEADER_SIZE:
        raise _damaged(path, f"program headers of {elf['e_phentsize']} bytes")
    if elf["e_shoff"] and elf["e_shentsize"] != SECTION_HEADER_SIZE:
        raise _damaged(path, f"section headers of {elf['e_shentsize']} bytes")


def _check_segment(path: Path, content: bytes, placement: Placement) -> None:
    """Check that what the file says of a segment can be."""
    end = placement.offset + placement.file_size
    if placement.file_size and end > len(content):  # .bss alone may claim any offset
        wrong = f"the ELF is truncated: {len(content)} bytes of at least {end}"
        raise GuestFileError(path, wrong, EXPECTED)
    if placement.file_size > placement.size:
        raise _damaged(path, f"segment at {placement.loaded:#x} larger in file than in memory")


def _check_outside(path: Path, elf: ELFFile, whole: list[Placement], ram: RamRange) -> list[str]:
    """Check that the program uses nothing of what is outside RAM; warnings of what is left out."""
    sections, warnings = Sections(elf), []
    for placement in whole:
        for part in parts_outside(placement, ram):
            used, unused = sections.in_part(placement, part)
            if sections.uses(placement, part):
                at = range_text(range(placement.loaded, placement.loaded + placement.size))
                named = f", with {', '.join(used)}," if used else ""
                wrong = f"the segment at {at}{named} is outside RAM"
                if foreign := foreign_program_text(elf, whole, ram):
                    raise GuestFileError(path, f"it is {foreign}: {wrong}", what_runs(ram))
                raise GuestFileError(path, wrong, ram_text(ram))
            warnings.append(f"{path}: {left_out_text(placement, part, unused)}")
    return warnings


def _read_segment(content: bytes, placement: Placement) -> LoadedSegment:
    """Return what is loaded of a segment."""
    data = content[placement.offset : placement.offset + placement.file_size]
    return LoadedSegment(placement.loaded, data, placement.size)


def _check_apart(path: Path, segments: list[LoadedSegment]) -> None:
    """Check that segments, in order of address, don't overlap."""
    previous_end = 0
    for segment in segments:
        end = segment.address + segment.memory_size
        if segment.address < previous_end:
            at = range_text(range(segment.address, end))
            wrong = f"the segment at {at} overlaps the one before it"
            raise GuestFileError(path, wrong, "segments that are apart")
        previous_end = end


def _entry(path: Path, given: int, entry: Virtual | None) -> Virtual:
    """Return the entry point: in a segment, where code can be (even)."""
    if given % 2:
        raise GuestFileError(path, f"its entry point {given:#x} is odd", "an even address")
    if entry is None:
        raise GuestFileError(
            path, f"its entry point {given:#x} is in no segment", "one in a segment"
        )
    return entry


@contextmanager
def _file_with_symbols(path: Path, elf: ELFFile) -> Iterator[tuple[ELFFile, tuple[str, ...]]]:
    """What has the symbols of a guest, or of its debug file; why there are none, a line."""
    if not elf.num_sections() or any(elf.iter_sections("SHT_SYMTAB")):
        yield elf, ()
        return
    try:
        found = file_with(SYMBOLS, path)
    except ElfFileError as error:
        yield elf, (str(error),)
        return
    if found == path:
        yield elf, (no_symbols(path),)
        return
    with found.open("rb") as file:
        yield ELFFile(file), ()


def _read_symbols(elf: ELFFile, placements: Placements) -> list[tuple[bool, Symbol]]:
    """Return the named symbols of code and data, each after whether it is global.

    A symbol is where the segment of its section is, also at an end of it. Absolute symbols are
    mostly constants of a linker script; they count if they name a place in a segment.
    """
    found = []
    homes = [placements.with_section(section.header) for section in elf.iter_sections()]
    tables = (table for table in elf.iter_sections() if isinstance(table, SymbolTableSection))
    for entry in (entry for table in tables for entry in table.iter_symbols()):
        section, address = entry["st_shndx"], entry["st_value"]
        home = homes[section] if isinstance(section, int) and section < len(homes) else None
        absent = section == "SHN_UNDEF" or (
            section == "SHN_ABS" and not placements.has_linked(address)
        )
        if entry["st_info"]["type"] in SYMBOL_TYPES and _is_label(entry.name) and not absent:
            is_global = entry["st_info"]["bind"] != "STB_LOCAL"
            place = (placements if home is None else home).of_linked(address)
            found.append((is_global, Symbol(place, entry["st_size"], entry.name)))
    return found


def _is_label(name: str) -> bool:
    """Whether a name is a programmer's, not a mapping symbol ($x, psABI) or a local label."""
    return bool(name) and name.isprintable() and not name.startswith(("$", ".L"))
