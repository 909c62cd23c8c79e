"""What plugins see of a program that `mttcg exec` runs: it alone, and all of it."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from built_program import DYNAMIC, STATIC, SYSROOT, build_bare, build_program, needs_sysroot
from debian_guest import LIMIT, VCPUS, needs_debian

pytest.importorskip("ziglang", reason="programs are built with it: pip install '.[test]'")
pytestmark = [needs_debian, pytest.mark.slow, pytest.mark.timeout(1200)]
INSTRUCTIONS = 2 * 0x80000 + 4
"""What the program retires, by its source."""
SEEN = ("icount", "howvec", "hotblocks,top=0", "syscalls")


def result_of(
    folder: Path,
    *options: str,
    plugins: Sequence[str] = SEEN,
    program: Sequence[str] = ("./counted",),
    status: int = 3,
    warned: str = "",
) -> dict[str, Any]:
    given = [word for name in plugins for word in ("--plugin", name)]
    command = [*(sys.executable, "-m", "mttcg", "exec"), *given, "--json", "result.json"]
    done = subprocess.run(
        [*command, *options, "--", *program],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
    )
    assert done.returncode == status, done.stderr
    assert warned in done.stderr.decode()
    assert done.stderr.count(b"warning") == bool(warned)
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


@pytest.mark.parametrize("smp", VCPUS)
def test_plugins_see_the_program_alone_and_all_of_it(tmp_path: Path, smp: int) -> None:
    build_bare("counted", tmp_path / "counted")
    result = result_of(tmp_path, "--smp", str(smp))
    plugins = result["plugins"]
    assert plugins["icount"]["total"]["instructions"] == INSTRUCTIONS
    assert plugins["howvec"]["instructions"] == INSTRUCTIONS
    blocks = plugins["hotblocks"]["hottest"]
    # the last has the ecall, which traps
    assert sum(row["executions"] * row["instructions"] for row in blocks) == INSTRUCTIONS + 1
    calls = plugins["syscalls"]["by process and call"]
    assert [(row["process"], row["call"], row["calls"]) for row in calls] == [
        ("counted", "exit_group", 1)
    ]


def test_the_whole_system_is_seen_if_that_is_asked_for(tmp_path: Path) -> None:
    build_bare("counted", tmp_path / "counted")
    result = result_of(tmp_path, "--whole-system")
    plugins = result["plugins"]
    total = plugins["icount"]["total"]["instructions"]
    assert total == sum(vcpu["instructions"] for vcpu in result["vcpus"]) > 100 * INSTRUCTIONS
    processes = {row["pid"] for row in plugins["syscalls"]["by process and call"]}
    assert 1 in processes and len(processes) > 1, "the first one, and the program"


THREADS, ROUNDS, OF_A_ROUND = 4, 1_000_000, 3
"""What the program's threads do, by its source: a counter, an add, and a branch."""


def test_all_threads_are_seen_on_the_vcpus_that_they_run_on(tmp_path: Path) -> None:
    build_program("acts", tmp_path / "acts")
    result = result_of(
        *(tmp_path, "--smp", str(THREADS)),
        plugins=["icount"],
        program=["./acts", "threads", str(THREADS)],
        status=0,
    )
    counts = [row["instructions"] for row in result["plugins"]["icount"]["vcpus"]]
    least = THREADS * ROUNDS * OF_A_ROUND
    assert least < sum(counts) < least * 1.01, "nothing of the kernel's"
    assert sum(count > ROUNDS for count in counts) > 1, "they run on several"


FIRST = """
from mttcg.instrument import Counter, instrument, symbol

def plugin_init(options):
    instrument(None, symbol("work"), Counter("begun"))
    return True
"""


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (STATIC, ()),
        pytest.param(DYNAMIC, ("--sysroot", str(SYSROOT)), marks=needs_sysroot, id="PIE"),
    ],
)
def test_functions_of_the_program_have_their_names(
    tmp_path: Path, target: str, options: tuple[str, ...]
) -> None:
    build_program("acts", tmp_path / "acts", target)
    (tmp_path / "first.py").write_text(FIRST)
    plugins = result_of(
        *(tmp_path, *options),
        plugins=["hotblocks,top=5", "./first.py"],
        program=["./acts", "threads", str(THREADS)],
        status=0,
    )["plugins"]
    assert plugins["first"]["total"]["begun"] == THREADS
    named = [row["symbol"].partition("+")[0] for row in plugins["hotblocks"]["hottest"]]
    assert named[0] == "work", plugins["hotblocks"]


def test_a_stripped_program_has_no_names(tmp_path: Path) -> None:
    build_bare("counted", tmp_path / "counted", "-s")
    warned = "it was stripped, so its functions have no names"
    blocks = result_of(tmp_path, plugins=["hotblocks"], warned=warned)["plugins"]["hotblocks"]
    assert {row["symbol"] for row in blocks["hottest"]} == {""}


def test_a_child_is_seen_by_its_name_and_not_with_its_parent(tmp_path: Path) -> None:
    build_bare("counted", tmp_path / "counted")
    build_program("starts", tmp_path / "starts")
    plugins = result_of(
        *(tmp_path, "--smp", "2"),
        plugins=["icount,space=counted,mode=user", "hotblocks,top=0"],
        program=["./starts", "./counted"],
    )["plugins"]
    assert plugins["icount"]["total"]["instructions"] == INSTRUCTIONS
    blocks = plugins["hotblocks"]["hottest"]
    own = sum(row["executions"] * row["instructions"] for row in blocks)
    assert 0 < own < INSTRUCTIONS
