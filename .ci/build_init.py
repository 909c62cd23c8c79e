"""Builds init.elf, the first process of `mttcg exec`, with the C compiler of the package ziglang.

    python .ci/build_init.py [--check]

The result is the same, byte for byte, wherever it is built with the same version of ziglang.
--check compares with the committed file.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "mttcg/programs/init"
PROGRAM = FOLDER / "init.elf"
COMPILE = (
    "cc", "-target", "riscv64-freestanding-none", "-mcpu=baseline_rv64", "-mabi=lp64d",
    "-mcmodel=medany", "-Os", "-std=gnu11", "-ffreestanding", "-fno-builtin", "-fno-pic", "-static",
    "-nostdlib", "-fno-sanitize=all", "-fno-stack-protector", "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none", "-s",
    "-Wl,--image-base=0x2000000000",  # where no program is, whose functions have names
)  # fmt: skip


def build(program: Path) -> None:
    """Build it; SystemExit with the compiler's messages when that fails."""
    sources = sorted(path.name for path in FOLDER.glob("*.c"))
    with tempfile.TemporaryDirectory(prefix="init-") as cache:
        places = {"ZIG_LOCAL_CACHE_DIR": cache, "ZIG_GLOBAL_CACHE_DIR": cache}
        command = [sys.executable, "-m", "ziglang", *COMPILE, *sources, "-o", str(program)]
        done = subprocess.run(
            command, cwd=FOLDER, env=os.environ | places, capture_output=True, text=True
        )
    if done.returncode:
        raise SystemExit(done.stderr)
    program.chmod(0o644)


def main() -> int:
    """Build or check; the exit status."""
    parser = argparse.ArgumentParser(description="Builds the first process of mttcg exec.")
    parser.add_argument("--check", action="store_true", help="compare with the committed file")
    if not parser.parse_args().check:
        build(PROGRAM)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / PROGRAM.name
        build(built)
        if built.read_bytes() == PROGRAM.read_bytes():
            return 0
    sys.stderr.write("init.elf is not what its sources give: run .ci/build_init.py\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
