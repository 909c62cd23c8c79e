"""Types of a kernel from a file: BTF alone, or in vmlinux, the ELF file that it was made of."""

from io import BytesIO
from pathlib import Path

from elftools.elf.elffile import ELFFile

from mttcg.errors import GuestFileError
from mttcg.linux.btf import KernelTypes
from mttcg.linux.errors import KernelDataError

EXPECTED = "BTF, as /sys/kernel/btf/vmlinux has it, or a vmlinux with the section .BTF"
MAGIC = b"\x7fELF"
SECTION = ".BTF"


def read_type_file(path: Path) -> KernelTypes:
    """Read the types. Raises `GuestFileError`."""
    try:
        if path.exists() and not path.is_file():
            raise GuestFileError(path, "it is not a regular file", EXPECTED)
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise GuestFileError(path, f"it can't be read ({reason})", EXPECTED) from error
    try:
        return KernelTypes(_of_elf(path, content) if content.startswith(MAGIC) else content)
    except KernelDataError as error:
        raise GuestFileError(path, error.wrong, EXPECTED) from error


def _of_elf(path: Path, content: bytes) -> bytes:
    try:
        section = ELFFile(BytesIO(content)).get_section_by_name(SECTION)
        found: bytes | None = None if section is None else section.data()
    except Exception as error:
        # pyelftools trusts what it parses: damage shows as any of a dozen kinds of exception
        wrong = f"the ELF is damaged ({' '.join(str(error).split())[:100]})"
        raise GuestFileError(path, wrong, EXPECTED) from error
    if found is None:
        raise GuestFileError(path, f"it has no section {SECTION}", EXPECTED)
    return found
