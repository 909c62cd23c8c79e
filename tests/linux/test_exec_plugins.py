"""What plugins see of a program that `mttcg exec` runs: it alone, and all of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from built_program import build_bare
from debian_guest import LIMIT, needs_debian

pytest.importorskip("ziglang", reason="programs are built with it: pip install '.[test]'")
pytestmark = [needs_debian, pytest.mark.slow, pytest.mark.timeout(1200)]
INSTRUCTIONS = 2 * 0x80000 + 4
"""What the program retires, by its source."""
SEEN = ("icount", "howvec", "hotblocks,top=0", "syscalls")


def result_of(folder: Path, *options: str) -> dict[str, Any]:
    plugins = [word for name in SEEN for word in ("--plugin", name)]
    command = [*(sys.executable, "-m", "mttcg", "exec"), *plugins, "--json", "result.json"]
    done = subprocess.run(
        [*command, *options, "--", "./counted"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
    )
    assert done.returncode == 3, done.stderr
    assert b"warning" not in done.stderr
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


@pytest.mark.parametrize("smp", [1, 2])
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
