"""Symbols of a kernel from a file: its System.map, or vmlinux, the ELF file that it was made of."""

import re
from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from mttcg.errors import GuestFileError
from mttcg.linux.kernel_symbol import KernelSymbol, sized
from mttcg.printable import printable

EXPECTED = "a kernel's System.map or vmlinux"
MAGIC = b"\x7fELF"
ROW = re.compile(r"([0-9a-f]+) ([A-Za-z?]) (\S+)")
KINDS = {"STT_FUNC": "t", "STT_OBJECT": "d", "STT_NOTYPE": "t"}
"""Letters for types of ELF symbols, as far as they name places."""
LEAST_SYMBOLS = 16
"""Debian's System.map is a line of text that says where the real one is."""


def read_symbol_file(path: Path) -> list[KernelSymbol]:
    """Read the symbols, in order of address. Raises `GuestFileError`."""
    try:
        if path.exists() and not path.is_file():
            raise GuestFileError(path, "it is not a regular file", EXPECTED)
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise GuestFileError(path, f"it can't be read ({reason})", EXPECTED) from error
    found = symbols_of_elf(path, content) if content.startswith(MAGIC) else _of_map(path, content)
    if len(found) < LEAST_SYMBOLS:
        raise GuestFileError(path, f"it has {len(found)} symbols", EXPECTED)
    return found


def _of_map(path: Path, content: bytes) -> list[KernelSymbol]:
    rows = []
    for number, line in enumerate(content.decode("latin-1").splitlines(), 1):
        row = ROW.fullmatch(line)
        if row is None:
            wrong = f"line {number} is no symbol: {printable(line[:60])}"
            raise GuestFileError(path, wrong, EXPECTED)
        rows.append((int(row[1], 16), row[2], row[3]))
    return list(sized(rows))


def symbols_of_elf(path: Path, content: bytes) -> list[KernelSymbol]:
    """The symbols of an ELF file, in order of address. Raises `GuestFileError`."""
    rows = []
    try:
        elf = ELFFile(BytesIO(content))
        tables = [each for each in elf.iter_sections() if isinstance(each, SymbolTableSection)]
        for entry in (entry for table in tables for entry in table.iter_symbols()):
            kind = KINDS.get(entry["st_info"]["type"])
            if kind and entry.name and entry["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS"):
                is_local = entry["st_info"]["bind"] == "STB_LOCAL"
                rows.append((entry["st_value"], kind if is_local else kind.upper(), entry.name))
    except Exception as error:
        # pyelftools trusts what it parses: damage shows as any of a dozen kinds of exception
        wrong = f"the ELF is damaged ({' '.join(str(error).split())[:100]})"
        raise GuestFileError(path, wrong, EXPECTED) from error
    return list(sized(rows))
