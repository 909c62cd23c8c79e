"""Where the kernel loads a program that does not have its addresses at random (norandmaps).

Source: linux: fs/binfmt_elf.c. One that is linked for one place is there. One that can be anywhere
(PIE) and has a loader is always at the same place; without a loader it is among what is mapped.
"""

from pathlib import Path

from mttcg.linux.kernel_isa import KernelIsa


def load_bias(path: Path, isa: KernelIsa) -> int | None:
    """What is added to a program's addresses, None if nobody knows, or it is no ELF file.

    path: of the file, which has been checked. Raises OSError, and ELFError.
    """
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        elf = ELFFile(file)
        if elf["e_type"] == "ET_EXEC":
            return 0
        has_loader = any(True for _ in elf.iter_segments("PT_INTERP"))
        return isa.program_base if has_loader else None
