"""Programs for an operating system, told by their ELF files: mttcg runs bare-metal guests alone.

A program of Linux names the loader of its libraries (PT_INTERP, System V gABI, chapter 5), or says
so in e_ident (ELFOSABI_LINUX) or in the note .note.ABI-tag (Linux Standard Base, "Note Section").
"""

from typing import Any

from mttcg.instrument.program.elf_segments import Placement
from mttcg.memory.ram import RamRange

LINUX_ABI = "ELFOSABI_LINUX"
ABI_TAG = ".note.ABI-tag"


def is_for_linux(elf: Any) -> bool:
    """Whether a file, as pyelftools has it, says that it is a program for Linux."""
    has_loader = any(True for _ in elf.iter_segments("PT_INTERP"))
    says_so = elf["e_ident"]["EI_OSABI"] == LINUX_ABI
    return has_loader or says_so or elf.get_section_by_name(ABI_TAG) is not None


def foreign_program_text(elf: Any, whole: list[Placement], ram: RamRange) -> str:
    """Say that a program is none for this board: nothing of it is in RAM; "" if something is."""
    if any(one.within(ram) is not None for one in whole):
        return ""
    return "a program for Linux" if is_for_linux(elf) else "a program for Linux or another board"


def what_runs(ram: RamRange) -> str:
    """Say what can be run, and how, for what an error expected."""
    return (
        "a bare-metal guest, which needs no operating system and is linked for RAM, "
        f"{ram.base:#x} on: docs/your-own-guest.md says how to make one, `mttcg demo` runs one; "
        "programs for Linux are run by `mttcg exec -- PROGRAM`"
    )
