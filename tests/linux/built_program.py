"""Programs of Linux for tests, built from their sources here by ziglang, with a C library."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "programs"
STATIC, DYNAMIC = "riscv64-linux-musl", "riscv64-linux-gnu.2.36"
SYSROOT = Path("/usr/riscv64-linux-gnu")
needs_sysroot = pytest.mark.skipif(
    not (SYSROOT / "lib/ld-linux-riscv64-lp64d.so.1").exists(),
    reason="apt install libc6-riscv64-cross",
)


def build_program(name: str, program: Path, target: str = STATIC) -> Path:
    """Build a program; ziglang keeps the C library that it has built for the next time."""
    options = ("-target", target, "-O1", *(("-static",) if target == STATIC else ()))
    command = [*(sys.executable, "-m", "ziglang", "cc"), *options, str(SOURCES / f"{name}.c")]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=600)
    return program


def build_bare(name: str, program: Path, *more: str) -> Path:
    """Build a program of assembly, which needs no library."""
    options = ("-target", "riscv64-freestanding-none", "-nostdlib", "-static", *more)
    command = [*(sys.executable, "-m", "ziglang", "cc"), *options, str(SOURCES / f"{name}.S")]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=600)
    return program
