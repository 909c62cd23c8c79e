"""From assembler text to the bytes of a program, by the assembler that also builds the guests."""

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

TARGET = ("-target", "riscv64-freestanding-none", "-mcpu=baseline_rv64", "-mno-relax")


@cache
def assemble(text: str, base: int) -> bytes:
    """What the text is in memory from `base` on. Raises CalledProcessError if it is wrong."""
    with tempfile.TemporaryDirectory(prefix="assembled-") as name:
        folder = Path(name)
        (folder / "text.S").write_text(text)
        caches = dict.fromkeys(("ZIG_LOCAL_CACHE_DIR", "ZIG_GLOBAL_CACHE_DIR"), name)
        for arguments in (
            ("cc", "-c", *TARGET, "text.S", "-o", "text.o"),
            ("ld.lld", "--oformat=binary", f"-Ttext={base:#x}", "text.o", "-o", "text.bin"),
        ):
            program = [sys.executable, "-m", "ziglang", *arguments]
            subprocess.run(program, cwd=folder, env=os.environ | caches, check=True)
        return (folder / "text.bin").read_bytes()
