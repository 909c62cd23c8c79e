"""The functions of an ELF file that is none of the guest's own, as of its programs."""

from pathlib import Path

from mttcg.instrument.errors import ElfFileError
from mttcg.instrument.program.separate_files import SYMBOLS, file_with
from mttcg.instrument.program.symbol_names import readable_name


def elf_functions(path: Path | str, root: Path | None = None) -> list[tuple[int, int, str]]:
    """Address as linked, bytes, and name of each function, in order of address; none if stripped.

    Those of a file that was stripped are looked for in its debug file, too: beside it, or below
    usr/lib/debug in `root`, the top of the guest's files. Names of C++ and Rust are as they are
    written. Raises ElfFileError for a file that can't be read, and for a debug file that is another
    program's.
    """
    own = Path(path)
    return sorted({row for file in {own, file_with(SYMBOLS, own, root)} for row in _rows_of(file)})


def _rows_of(path: Path) -> set[tuple[int, int, str]]:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    found = set()
    try:
        with path.open("rb") as file:
            sections = ELFFile(file).iter_sections()
            for table in (each for each in sections if isinstance(each, SymbolTableSection)):
                for entry in table.iter_symbols():
                    is_function = entry["st_info"]["type"] in ("STT_FUNC", "STT_GNU_IFUNC")
                    if is_function and entry["st_shndx"] != "SHN_UNDEF" and entry.name:
                        where = int(entry["st_value"]), int(entry["st_size"])
                        found.add((*where, readable_name(entry.name)))
    except OSError as error:
        raise ElfFileError(path, error.strerror or str(error)) from error
    except Exception as error:
        # pyelftools trusts what it parses: damage shows as any of a dozen kinds of exception
        raise ElfFileError(path, " ".join(str(error).split())[:100]) from error
    return found
