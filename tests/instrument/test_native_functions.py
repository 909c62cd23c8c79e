"""Native functions that are kept between runs: the same as numba's, whole, and without numba."""

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import cfunc, types

import mttcg
from mttcg.instrument.native import native_functions, native_host, operations
from mttcg.instrument.native.native_cache import FOLDERS, UNUSED_SECONDS, remove_unused, sources_in
from mttcg.instrument.native.native_functions import (
    c_functions,
    keep,
    kept_file,
    kept_or_made,
    linked_code,
    native_address,
    read_kept,
)
from mttcg.memory.page import PAGE
from mttcg.native import host

MODULES = (operations.EMITTERS, operations.CONDITIONS, operations.NATIVE)
PACKAGE = Path(mttcg.__file__).parent
IMPORTS_NUMBA = re.compile(r"^from numba import", re.MULTILINE)
IMPORTED = re.compile(r"^from (mttcg[\w.]*) import \(?([\w, ]*)", re.MULTILINE)
OPERATION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)
HOOKS_OF_ISA = ("atomics", "copies", "hooks")
LOAD = """
import sys
from mttcg.instrument.native import operations
operations.windows(), operations.once(True), operations.sometimes(), operations.count(False)
for where, known in operations.RECORDS.items():
    for layout in known:
        operations.record(where, layout)
print("numba" in sys.modules, "llvmlite" in sys.modules, operations.clock() != 0)
"""


UNICORN = "mttcg.engine.unicorn"
UNICORN_MODULES = (f"{UNICORN}.hooks", *(f"{UNICORN}.riscv64.{n}" for n in HOOKS_OF_ISA))
LOAD_UNICORN = """
import sys
from mttcg.processes.engine_modules import load_engine, load_hooks
load_engine("unicorn"), load_hooks("riscv64")
print("numba" in sys.modules, "llvmlite" in sys.modules)
"""


@pytest.mark.parametrize("module", UNICORN_MODULES)
def test_every_function_that_unicorn_calls_can_be_kept(module: str) -> None:
    assert linked_code(c_functions(module))


def test_a_later_run_with_unicorn_loads_neither_numba_nor_llvm(tmp_path: Path) -> None:
    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", LOAD_UNICORN],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert run() == "True True\n"
    assert run() == "False False\n"


def test_every_function_of_ours_can_be_kept() -> None:
    named = {*operations.WINDOWS.values(), "run_once_each_block", "run_once", "run_if"}
    named |= {"run_within", "run_after_its_kind"}
    named |= {"count_in_table", "count_one", "read_clock"}
    named |= {name for known in operations.RECORDS.values() for name in known.values()}
    made: set[str] = set()
    for module in MODULES:
        compiled = c_functions(module)
        assert linked_code(compiled), module
        made |= compiled.keys()
        assert all(native_address(module, name) for name in compiled)
    assert made == named


def test_a_later_run_loads_neither_numba_nor_llvm(tmp_path: Path) -> None:
    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", LOAD],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert run() == "True True True\n"
    kept = sorted(tmp_path.glob("*.native"))
    assert len(kept) == len(MODULES)
    assert run() == "False False True\n"
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    assert run() == "True True True\n", "one is not whole, and compiled again"
    assert run() == "False False True\n"


@pytest.mark.parametrize("of", [native_address, lambda m, name: c_functions(m)[name].address])
def test_what_is_kept_does_what_numba_does(of: Callable[[str, str], int]) -> None:
    words = np.zeros(5, np.uint64)
    at = [int(words.ctypes.data) + 8 * n for n in range(5)]
    count = of(operations.NATIVE, "count_one")
    OPERATION(count)(at[4], 0, 0, 0, 0, 0)
    words[:3] = (at[3], count, at[4])  # flag, operation, its data
    once = OPERATION(of(operations.CONDITIONS, "run_once"))
    for _ in range(3):
        once(at[0], 0, 0, 0, 0, 0)
    assert words.tolist()[3:] == [1, 2]


def test_what_needs_python_is_not_kept() -> None:
    def divide(a: Any) -> Any:
        return 7 // a

    compiled = cfunc(types.uint64(types.uint64))(divide)
    assert linked_code({"divide": compiled}) is None
    total = cfunc(types.uint64(types.uint64), error_model="numpy")(divide)
    assert linked_code({"divide": total}) is not None


def add_to_word(amount: Any) -> Any:
    """Add to a word of data; the sum."""
    host.set_process_word(host.process_word() + amount)
    return host.process_word()


def pick(number: Any) -> Any:
    """One of many, by what LLVM makes a table of."""
    if number == 0:
        return np.uint64(91)
    if number == 1:
        return np.uint64(17)
    if number == 2:
        return np.uint64(52)
    if number == 3:
        return np.uint64(8)
    if number == 4:
        return np.uint64(77)
    return np.uint64(0)


def test_code_with_data_and_constants_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = types.uint64(types.uint64)
    functions = {name.__name__: cfunc(one)(name) for name in (add_to_word, pick)}
    monkeypatch.setattr(native_functions, "use_native_cache", lambda: tmp_path)
    monkeypatch.setattr(native_functions, "c_functions", lambda _module: functions)
    for total in (1, 1):  # made, then found: each has data of its own
        found = native_functions._loaded.__wrapped__("a module")
        call = {name: ctypes.CFUNCTYPE(*2 * [ctypes.c_uint64])(at) for name, at in found.items()}
        assert [call["add_to_word"](amount) for amount in (1, 2)] == [total, total + 2]
        assert [call["pick"](number) for number in range(6)] == [91, 17, 52, 8, 77, 0]
    (kept,) = tmp_path.glob("*.native")
    assert kept.stat().st_size > PAGE, "data begins at the start of a page"
    assert protection_at(found["pick"]) == "r-xp"


def protection_at(address: int) -> str:
    """How a place in this process may be accessed (proc_pid_maps(5))."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, protection = line.split()[:2]
        begin, end = (int(number, 16) for number in span.split("-"))
        if begin <= address < end:
            return protection
    return ""


def test_code_is_for_this_processor_and_compiler() -> None:
    assert "flags" in native_host.processor() and "version" in native_host.compiler()
    assert "MHz" not in native_host.processor(), "it changes all the time"


def test_where_something_can_not_be_kept_numba_has_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(native_functions, "use_native_cache", lambda: tmp_path)
    monkeypatch.setattr(native_functions, "linked_code", lambda _compiled: None)
    found = native_functions._loaded.__wrapped__(operations.CONDITIONS)
    assert found["run_once"] == c_functions(operations.CONDITIONS)["run_once"].address
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]


def test_code_of_other_sources_is_not_found_wherever_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(native_functions, "use_native_cache", lambda: tmp_path)
    before = kept_file(operations.NATIVE)
    assert kept_file(operations.NATIVE) == before
    monkeypatch.setattr(native_functions, "sources_digest", lambda: "of other sources")
    assert kept_file(operations.NATIVE) != before


def test_all_that_numba_compiles_from_is_part_of_the_digest() -> None:
    """What is imported by a module that imports numba, and by what that imports, from ours."""
    makers = [f for f in PACKAGE.rglob("*.py") if IMPORTS_NUMBA.search(f.read_text())]
    assert {file.stem for file in makers} >= {"emitters", "conditions", "native", "hooks"}
    seen, waiting = set[Path](), makers
    while waiting:
        file = waiting.pop()
        seen.add(file)
        for module, names in IMPORTED.findall(file.read_text()):
            for name in ("", *(one.strip() for one in names.split(","))):
                found = PACKAGE.parent.joinpath(*module.split("."), name).with_suffix(".py")
                if found.is_file() and found not in seen and found not in waiting:
                    waiting.append(found)
    outside = seen - set(sources_in(FOLDERS))
    assert outside <= {PACKAGE / "errors.py"}, outside  # no constant is taken from there


def test_what_can_not_be_written_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "code.o"
    keep(file, b"code")
    assert read_kept(file) == b"code"
    file.write_bytes(file.read_bytes() + b"!")
    assert read_kept(file) is None and read_kept(tmp_path / "none.o") is None
    (tmp_path / "taken").write_text("a file")
    keep(tmp_path / "taken" / "code.o", b"code")
    keep(tmp_path / "folder", b"code")  # a folder that is not empty
    assert sorted(one.name for one in tmp_path.iterdir()) == ["folder", "taken"]


def test_processes_that_want_the_same_code_make_it_once(tmp_path: Path) -> None:
    file, (heard, told), children = tmp_path / "code.o", os.pipe(), []

    def make() -> bytes:
        os.write(told, b"m")
        return b"code"

    for _ in range(4):
        child = os.fork()
        if child == 0:
            found = kept_or_made(file, make)
            os._exit(found != b"code")
        children.append(child)
    os.close(told)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert os.read(heard, 4) == b"m"
    os.close(heard)


def test_where_nothing_can_be_written_code_is_made_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    assert kept_or_made(tmp_path / "taken" / "code.o", lambda: b"code") == b"code"


def test_what_no_run_has_used_for_long_is_removed(tmp_path: Path) -> None:
    base, now = tmp_path / "mttcg", 1e9
    ages = {"0" * 16: 0, "1" * 16: 2, "2" * 16: 0.5, "images": 9, "code": 9, "3" * 15: 9}
    for name, age in ages.items():
        (base / name / "module").mkdir(parents=True)
        used = now - age * UNUSED_SECONDS
        os.utime(base / name, (used, used))
    left_over = base / f"{'4' * 16}.unused.1"
    left_over.mkdir()
    assert remove_unused(base / ("0" * 16), now) == [base / ("1" * 16)]
    assert {path.name for path in base.iterdir()} == ages.keys() - {"1" * 16}
    assert remove_unused(base / "elsewhere", now + 9 * UNUSED_SECONDS) == []
