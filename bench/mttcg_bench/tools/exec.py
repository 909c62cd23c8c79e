"""The tool `exec`: `mttcg exec` of a program of Linux, and a bare-metal guest that says the same.

The program is built by Debian's cross compiler, or, if that has no library, by zig. Linux is
started once before anything is measured, so that `exec` goes on from the snapshot that it keeps.
"""

import contextlib
import functools
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from mttcg.images.catalogue import CACHE, is_there, row_of
from mttcg_bench.errors import RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools import command
from mttcg_bench.tools.linux import IMAGE
from mttcg_bench.tools.process import EndedProcess, run

COMPILER = "riscv64-linux-gnu-gcc"
ZIG = (sys.executable, "-m", "ziglang", "cc", "-target", "riscv64-linux-musl")
GREETING = "hello, world"
SOURCE = f'#include <stdio.h>\nint main(void) {{ puts("{GREETING}"); return 0; }}\n'


def unavailable(_variant: Variant) -> str:
    """Why it can't run here, "" if it can."""
    if not is_there(row_of(IMAGE), CACHE.expanduser()):
        return f"there is no image {IMAGE} (mttcg images get {IMAGE})"
    if not _compilers():
        return "there is no compiler for the program (Debian: gcc-riscv64-linux-gnu; or ziglang)"
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """The bare-metal guest and the program, one after the other."""
    _warm()
    bare, ran = command.measure(case, variant), _exec(variant.name)
    wall = bare.metrics["wall"]
    return Measurement({"bare": wall, "wall": ran.wall, "beyond": ran.wall - wall}, ran.output)


@functools.cache
def _warm() -> None:
    """Have the snapshot made, and some code kept."""
    for _ in range(2):
        _exec("a run before")


def _exec(name: str) -> EndedProcess:
    ended = run(name, [sys.executable, "-m", "mttcg", "exec", "--", str(_program())])
    if ended.output.strip() != GREETING:
        raise RunFailed(name, f"it printed {ended.output!r}")
    return ended


@functools.cache
def _program() -> Path:
    """The program; there as long as this process is."""
    folder = Path(_folder().name)
    source, program = folder / "hello.c", folder / "hello"
    source.write_text(SOURCE)
    for compiler in _compilers():
        with contextlib.suppress(RunFailed):
            run("the program", [*compiler, "-O2", "-static", "-o", str(program), str(source)])
            return program
    raise RunFailed("the program", "no compiler has built it")


def _compilers() -> list[tuple[str, ...]]:
    """Those that are there, the first choice first."""
    zig = importlib.util.find_spec("ziglang") is not None
    return [*([(COMPILER,)] if shutil.which(COMPILER) else []), *([ZIG] if zig else [])]


@functools.cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory()
