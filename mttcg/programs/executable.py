"""Whether a file of the host is a program that a Linux for RISC-V can run."""

import os
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from mttcg.errors import EXIT_USER
from mttcg.programs.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, ProgramError

EXPECTED = "a program for Linux on riscv64, or a script"
ELF, SCRIPT = b"\x7fELF", b"#!"
MACHINE, CLASS = "EM_RISCV", 64
KINDS = ("ET_EXEC", "ET_DYN")


def check_executable(named: str, path: Path) -> str:
    """Return the loader that a program names, "" for one that needs none, or for a script.

    named: the program as the user has it. Raises `ProgramError`.
    """
    try:
        if path.is_dir():
            raise ProgramError(named, "it is a directory", EXPECTED, EXIT_NOT_EXECUTABLE)
        with path.open("rb") as file:
            if not os.access(path, os.X_OK):
                wrong = "it is not executable"
                raise ProgramError(named, wrong, f"{EXPECTED} (chmod +x)", EXIT_NOT_EXECUTABLE)
            begin = file.read(len(ELF))
            if begin.startswith(SCRIPT):
                return ""
            if begin != ELF:
                raise ProgramError(named, "it is no ELF file", EXPECTED, EXIT_USER)
            file.seek(0)
            return _loader_of(named, ELFFile(file))
    except FileNotFoundError as error:
        wrong = "there is no such file"
        raise ProgramError(named, wrong, EXPECTED, EXIT_NOT_FOUND) from error
    except (OSError, ValueError) as error:
        wrong = f"it can't be read ({getattr(error, 'strerror', None) or error})"
        raise ProgramError(named, wrong, EXPECTED, EXIT_NOT_EXECUTABLE) from error
    except ELFError as error:
        raise ProgramError(named, f"it is damaged ({error})", EXPECTED, EXIT_USER) from error


def _loader_of(named: str, elf: ELFFile) -> str:
    machine, kind = elf["e_machine"], elf["e_type"]
    if machine != MACHINE or elf.elfclass != CLASS:
        wrong = f"it is for another machine, {elf.get_machine_arch()} ({elf.elfclass} bits)"
        raise ProgramError(named, wrong, EXPECTED, EXIT_USER)
    if kind not in KINDS:
        raise ProgramError(named, f"it is no program ({kind})", EXPECTED, EXIT_USER)
    for segment in elf.iter_segments("PT_INTERP"):
        return str(segment.get_interp_name())
    return ""
