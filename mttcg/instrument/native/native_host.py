"""What code is compiled for and by, without LLVM being loaded.

It is made for the processor that it runs on; what a wheel brings, for all of a level.
"""

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROCESSOR = "/proc/cpuinfo"
FIRST_BYTES = 1 << 13
"""Of that file: more than it has of one processor."""
OF_PROCESSOR = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags")
"""Its lines of which the name and the features of a processor follow that LLVM finds."""
LIBRARY = "binding/libllvmlite.so"
LEVEL = "x86-64-v3"
LEVEL_FLAGS = frozenset(
    "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3 avx avx2 bmi1 bmi2 f16c fma abm movbe xsave".split()
)
"""The micro-architecture level that code of a wheel is for, by LLVM's name, and what Linux calls
its features (System V ABI, AMD64 supplement, table 3.1; Linux' arch/x86/include/asm/cpufeatures.h).
"""
_for_level: list[bool] = []


def compile_for_level() -> None:
    """From now on this process compiles for all processors of the level, not for its own.

    It is for making a wheel; what was compiled before stays.
    """
    _for_level.append(True)


def is_of_level() -> bool:
    """Whether code for the level can run here."""
    lines = dict(line.partition("\t")[::2] for line in processor().splitlines())
    return set(lines.get("flags", "").split()) >= LEVEL_FLAGS


def llvm_target(llvm: Any) -> tuple[str, str]:
    """The processor that LLVM, given as its binding, compiles for, and the features of that."""
    if _for_level:
        return LEVEL, ""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def made_for() -> str:
    """Part of the names of kept files: what their code was made for and by."""
    return LEVEL if _for_level else host_digest()


@cache
def host_digest() -> str:
    """This host, and its compiler."""
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
