"""What code is compiled for and by, without LLVM being loaded."""

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PROCESSOR = "/proc/cpuinfo"
FIRST_BYTES = 1 << 13
"""Of that file: more than it has of one processor."""
OF_PROCESSOR = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
"""Its lines of which the name and the features of a processor follow that LLVM finds."""
LIBRARY = "binding/libllvmlite.so"


@cache
def host_digest() -> str:
    """What the code was made for and by."""
    made = f"{processor()} {compiler()}"
    return hashlib.blake2b(made.encode(), digest_size=8).hexdigest()


def processor() -> str:
    """What tells the first processor from others."""
    descriptor = os.open(PROCESSOR, os.O_RDONLY)
    try:
        text = os.read(descriptor, FIRST_BYTES).decode(errors="replace")
    finally:
        os.close(descriptor)
    first = text.partition("\n\n")[0].splitlines()
    return "\n".join(line for line in first if line.partition("\t")[0].strip() in OF_PROCESSOR)


def compiler() -> str:
    """What tells one LLVM from another: the version that it came with, and its library's file."""
    found = find_spec("llvmlite")
    if found is None or found.origin is None:
        return ""
    folder = Path(found.origin).parent
    status = (folder / LIBRARY).stat()
    version = (folder / "_version.py").read_text()
    return f"{version} {status.st_size} {status.st_mtime_ns}"
