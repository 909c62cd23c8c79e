"""Builds the guests of these tests: a C file each, with what they share."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).with_name("guests")
SHARED = ("start.S", "support.c")
COMPILE = (
    *(sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-freestanding-none"),
    *("-mcpu=baseline_rv64", "-mabi=lp64d", "-mcmodel=medany", "-O2", "-ffreestanding"),
    *("-fno-builtin", "-fno-pic", "-fno-sanitize=all", "-fno-stack-protector", "-nostdlib"),
    *("-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none", "-T", str(FOLDER / "link.ld")),
)


def build(name: str, output: Path) -> Path:
    """Build a guest into a folder; its ELF file."""
    elf = output / f"{name}.elf"
    sources = [str(FOLDER / source) for source in (*SHARED, f"{name}.c")]
    cache = str(output / "cache")
    environment = os.environ | {"ZIG_LOCAL_CACHE_DIR": cache, "ZIG_GLOBAL_CACHE_DIR": cache}
    command = [*COMPILE, *sources, "-o", str(elf)]
    subprocess.run(command, env=environment, check=True, timeout=120)
    return elf
