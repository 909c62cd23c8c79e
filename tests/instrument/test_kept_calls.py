"""Compiled functions that are kept: the same as numba's, and without numba in a later run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mttcg.instrument.native.kept_calls import given_of

LOOPS = """
import numpy as np
from mttcg.instrument import compiled

@compiled
def total(numbers):
    found = np.uint64(0)
    for n in numbers:
        found += n
    return found

@compiled
def fill(table, value, tuples):
    (first, (second,)) = tuples
    for row in range(table.shape[0]):
        for column in range(table.shape[1]):
            table[row, column] = value + row * 10 + column + first + second[0]

@compiled
def least(records, start):
    at = start
    for n in range(len(records)):
        if records[n].b < records[at].b:
            at = n
    return at, records[at].b, records[at].b < 0

@compiled
def divide(a, b):
    return a // b

@compiled
def store(numbers):
    numbers[0] = 1

@compiled
def make(n):
    return np.zeros(n)
"""
USE = """
import sys
import numpy as np
from loops import divide, fill, least, make, store, total

numbers = np.arange(10, dtype=np.uint64)
numbers.flags.writeable = False
print(total(numbers), total(numbers[::2]), total(np.full(2, 1 << 63, np.uint64)))
table = np.zeros((2, 3), np.int32)
fill(table, True, (np.int8(-1), (np.array([1000]),)))
print(table.tolist())
records = np.zeros(4, [("a", "u1"), ("b", "<i4")])
records["b"] = 3, -7, 5, -8
print(least(records, 0), least(records[:1], 0), least(start=0, records=records))
try:
    print(divide(-7, 2), divide(1, 0))
except ZeroDivisionError as error:
    print(error)
try:
    store(numbers)
except Exception as error:
    print(type(error).__name__)
print(make(2).tolist())

"""
LIGHT = """
import sys
import numpy as np
from loops import total
print(total(np.arange(10, dtype=np.uint64)), "numba" in sys.modules)
"""
FOUND = """45 20 0
[[1000, 1001, 1002], [1010, 1011, 1012]]
(3, -8, True) (0, 3, False) (3, -8, True)
integer division by zero
TypingError
[0.0, 0.0]
"""


def run(folder: Path, text: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", text],
        env=os.environ
        | {"NUMBA_CACHE_DIR": str(folder / "kept"), "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=folder,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a package of compiled functions."""
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "__init__.py").write_text(LOOPS)
    return tmp_path


def test_what_is_kept_does_what_numba_does(package: Path) -> None:
    assert run(package, USE) == FOUND
    kept = {file.name.partition("-")[0] for file in (package / "kept").glob("*.call")}
    assert kept == {f"loops.{name}" for name in ("total", "fill", "least", "divide", "make")}
    assert run(package, USE) == FOUND


def test_a_later_run_does_without_numba(package: Path) -> None:
    assert run(package, LIGHT) == "45 True\n"
    assert run(package, LIGHT) == "45 False\n"
    (package / "loops" / "constants.py").write_text("STEP = 1\n")
    assert run(package, LIGHT) == "45 True\n", "any file of the package may matter"


def test_types_that_numba_tells_apart_are_apart() -> None:
    fields = [("a", "u1"), ("b", "<i4")]
    record, aligned = np.dtype(fields), np.dtype(fields, align=True)
    readable = np.zeros(2, np.uint8)
    readable.flags.writeable = False
    values = [
        *(1, True, np.int64(1), np.uint64(1), np.uint8(1), (1,), ((1,),), (1, 1)),
        *(np.zeros(2, np.uint8), readable, np.zeros((1, 2), np.uint8), np.zeros(2, np.int8)),
        *(
            np.zeros(2, record),
            np.zeros(2, aligned),
            np.zeros(2, ">i4"),
        ),
        np.zeros(2, [("b", "<i4"), ("a", "u1")]),
        np.zeros(2, [("a", "u1"), ("b", "<i4", 2)]),
    ]
    types = [given.types for given in map(given_of, values) if given is not None]
    assert len(set(types)) == len(values)


@pytest.mark.parametrize(
    "value",
    [1 << 63, 1.5, "text", None, np.float64(1), [1], np.zeros((2, 2))[:, 0], np.array(1)],
    ids=repr,
)
def test_others_are_left_to_numba(value: object) -> None:
    assert given_of(value) is None
    assert given_of((1, value)) is None
