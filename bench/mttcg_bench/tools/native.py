"""The tool `native`: an example guest's C, compiled for the host: what no translator can beat.

Settings: `compiler`, a key of COMPILERS (clang, the guests' own, if there is none); `processes`,
how many do the same at a time.
"""

import atexit
import functools
import importlib.util
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mttcg_bench.checkout import GUESTS
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.process import run

RUNTIME = Path(__file__).parents[1] / "native"
PLAIN = ("-std=gnu11", "-O2", "-w")
COMPILERS = {
    # as the guests are built: without vectors, which they do not have, but with fused operations
    "clang": (
        *(sys.executable, "-m", "ziglang", "cc", *PLAIN),
        *("-fno-vectorize", "-fno-slp-vectorize", "-fno-sanitize=all", "-mfma"),
    ),
    "gcc": ("gcc", *PLAIN),
}
MAIN = "\nint main(void) { return (int)guest_main(0); }\n"


def compiler_of(variant: Variant) -> str:
    """Which compiler makes the program."""
    return str(variant.settings.get("compiler", "clang"))


def unavailable(variant: Variant) -> str:
    """Why it can't run here, "" if it can."""
    if compiler_of(variant) == "gcc":
        return "" if shutil.which("gcc") else "gcc is not installed"
    there = importlib.util.find_spec("ziglang") is not None
    return "" if there else "ziglang is not installed (the extra `build`)"


def measure(case: Case, variant: Variant) -> Measurement:
    """Run the guest's program: the CPU seconds of one, and the time until the last has ended."""
    count = int(variant.settings.get("processes", 1))
    with tempfile.TemporaryDirectory() as scratch:
        program = Path(scratch, case.guest)
        program.write_bytes(compiled(case.guest, with_values(case, variant), compiler_of(variant)))
        program.chmod(0o700)
        with ThreadPoolExecutor(count) as pool:
            all_ended = list(pool.map(lambda _: run(variant.name, [str(program)]), range(count)))
    wall = max(ended.wall for ended in all_ended)
    if count > 1:  # whose CPU time is whose is not known
        return Measurement({"wall": wall}, all_ended[0].output)
    [ended] = all_ended
    return Measurement({"guest": ended.cpu, "vcpu_cpu": ended.cpu, "wall": wall}, ended.output)


@functools.cache
def compiled(guest: str, text: str, compiler: str) -> bytes:
    """The program that a source gives; raises RunFailed if it does not build."""
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch, f"{guest}.c"), Path(scratch, guest)
        source.write_text(text + MAIN)
        command = (*COMPILERS[compiler], "-I", str(RUNTIME), "-o", str(program), str(source), "-lm")
        run(f"{guest} for the host", command, {"ZIG_GLOBAL_CACHE_DIR": compiler_cache()})
        return program.read_bytes()


@functools.cache
def compiler_cache() -> str:
    """Where the compiler keeps its libraries for as long as this process is there."""
    folder = tempfile.mkdtemp(prefix="mttcg-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def with_values(case: Case, variant: Variant) -> str:
    """The guest's source with its variables set as the case says."""
    text = GUESTS.joinpath(case.guest).with_suffix(".c").read_text()
    for symbol, value in case.work_of(variant).items():
        text, found = re.subn(rf"(volatile uint64_t {symbol} = )\d+;", rf"\g<1>{value};", text)
        assert found == 1, f"{case.guest}.c does not define {symbol} once"
    return text
