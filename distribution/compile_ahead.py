"""Compile all native code of the package, for every processor of a level, into a folder.

Usage: compile_ahead.py FOLDER, with the package to be found on PYTHONPATH.
"""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from mttcg.instrument.native.native_host import LEVEL, compile_for_level

KEPT = "*.native", "*.bin"
"""What runs keep of ours, without numba's own files."""
IS_C_FUNCTION = re.compile(r"^@cfunc\(", re.MULTILINE)


def main(folder: Path) -> None:
    """Make the folder, anew if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
    compile_for_level()
    with tempfile.TemporaryDirectory() as scratch:
        # numba is told the same, before it is loaded
        os.environ |= {
            "NUMBA_CACHE_DIR": scratch,
            "NUMBA_CPU_NAME": LEVEL,
            "NUMBA_CPU_FEATURES": "",
        }
        compile_functions()
        compile_engine()
        folder.mkdir(parents=True)
        for pattern in KEPT:
            for file in sorted(Path(scratch).glob(pattern)):
                shutil.copyfile(file, folder / file.name)


def compile_functions() -> None:
    """The C functions of all modules that have some."""
    from mttcg.instrument.native.native_functions import c_functions, native_address

    spec = importlib.util.find_spec("mttcg")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    for file in sorted(package.rglob("*.py")):
        if IS_C_FUNCTION.search(file.read_text(encoding="utf-8")):
            module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
            native_address(module, next(iter(c_functions(module))))


def compile_engine() -> None:
    """The interpreters of all ISAs, and the loops from which they are entered."""
    from mttcg.engine.llvm.interpreter.interpreted_isa import interpreted_isa
    from mttcg.engine.llvm.runtime import machine_code
    from mttcg.isa.registry import NAMES, isa_named
    from mttcg.processes.engine_modules import load_interpreter

    for name in NAMES:
        for observing in (False, True):
            load_interpreter(name, observing)
        machine_code(interpreted_isa(isa_named(name)).llvm.host_float)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
