"""The tool `native`: an example guest's C, compiled for the host: what no translator can beat."""

import importlib.util
import re
import sys
import tempfile
from pathlib import Path

from mttcg_bench.checkout import GUESTS
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.process import run

RUNTIME = Path(__file__).parents[1] / "native"
COMPILE = (sys.executable, "-m", "ziglang", "cc", "-std=gnu11", "-O2", "-w")
COMPILE += ("-fno-vectorize", "-fno-slp-vectorize", "-fno-sanitize=all")
"""As the guests are built, and without vector instructions, which the guests do not have."""
MAIN = "\nint main(void) { return (int)guest_main(0); }\n"


def unavailable(_variant: Variant) -> str:
    """Why it can't run here, "" if it can."""
    there = importlib.util.find_spec("ziglang") is not None
    return "" if there else "ziglang is not installed (the extra `build`)"


def measure(case: Case, variant: Variant) -> Measurement:
    """Compile and run; the CPU seconds of the program alone."""
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch, f"{case.guest}.c"), Path(scratch, case.guest)
        source.write_text(with_values(case, variant) + MAIN)
        include = ("-I", str(RUNTIME), "-o", str(program), str(source))
        run(variant.name, (*COMPILE, *include), {"ZIG_GLOBAL_CACHE_DIR": scratch})
        ended = run(variant.name, [str(program)])
    metrics = {"guest": ended.cpu, "vcpu_cpu": ended.cpu, "wall": ended.wall}
    return Measurement(metrics, ended.output)


def with_values(case: Case, variant: Variant) -> str:
    """The guest's source with its variables set as the case says."""
    text = GUESTS.joinpath(case.guest).with_suffix(".c").read_text()
    for symbol, value in case.work_of(variant).items():
        text, found = re.subn(rf"(volatile uint64_t {symbol} = )\d+;", rf"\g<1>{value};", text)
        assert found == 1, f"{case.guest}.c does not define {symbol} once"
    return text
