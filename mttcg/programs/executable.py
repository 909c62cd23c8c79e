"""Whether a file of the host is a program that the guest's Linux can run."""

import os
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_E_MACHINE

from mttcg.errors import EXIT_USER
from mttcg.isa.base import Isa
from mttcg.memory.address import Virtual
from mttcg.programs.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, ProgramError

ELF, SCRIPT = b"\x7fELF", b"#!"
WORD_BITS = 64
KINDS = ("ET_EXEC", "ET_DYN")


def expected_of(isa: Isa) -> str:
    """Say what can be run."""
    return f"a program for Linux on {isa.title}, or a script"


def check_executable(named: str, path: Path, isa: Isa) -> str:
    """Return the loader that a program names, "" for one that needs none, or for a script.

    named: the program as the user has it. isa: of the guest. Raises `ProgramError`.
    """
    expected = expected_of(isa)
    try:
        if path.is_dir():
            raise ProgramError(named, "it is a directory", expected, EXIT_NOT_EXECUTABLE)
        with path.open("rb") as file:
            if not os.access(path, os.X_OK):
                wrong = "it is not executable"
                raise ProgramError(named, wrong, f"{expected} (chmod +x)", EXIT_NOT_EXECUTABLE)
            begin = file.read(len(ELF))
            if begin.startswith(SCRIPT):
                return ""
            if begin != ELF:
                raise ProgramError(named, "it is no ELF file", expected, EXIT_USER)
            file.seek(0)
            return _loader_of(named, ELFFile(file), isa)
    except FileNotFoundError as error:
        wrong = "there is no such file"
        raise ProgramError(named, wrong, expected, EXIT_NOT_FOUND) from error
    except (OSError, ValueError) as error:
        wrong = f"it can't be read ({getattr(error, 'strerror', None) or error})"
        raise ProgramError(named, wrong, expected, EXIT_NOT_EXECUTABLE) from error
    except ELFError as error:
        raise ProgramError(named, f"it is damaged ({error})", expected, EXIT_USER) from error


def _loader_of(named: str, elf: ELFFile, isa: Isa) -> str:
    expected = expected_of(isa)
    machine, kind = elf["e_machine"], elf["e_type"]
    if ENUM_E_MACHINE.get(machine, machine) != isa.elf_machine or elf.elfclass != WORD_BITS:
        wrong = f"it is for another machine, {elf.get_machine_arch()} ({elf.elfclass} bits)"
        raise ProgramError(named, wrong, expected, EXIT_USER)
    if kind not in KINDS:
        raise ProgramError(named, f"it is no program ({kind})", expected, EXIT_USER)
    for segment in elf.iter_segments("PT_INTERP"):
        return str(segment.get_interp_name())
    return ""


def section_address(path: Path, name: str) -> Virtual:
    """Return where a section of our own ELF file begins."""
    with path.open("rb") as file:
        return Virtual(int(ELFFile(file).get_section_by_name(name)["sh_addr"]))
