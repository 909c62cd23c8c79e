"""Debian's kernel below GDB: a breakpoint of the kernel by its name, and one in a process alone."""

import sys
from pathlib import Path

import pytest
from debian_guest import DebianGuest, needs_debian

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))

from gdb_client import MISSING, PROGRAM, Gdb

pytestmark = [
    needs_debian,
    pytest.mark.timeout(600),
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
]
ROOT_PAGE = (1 << 44) - 1
"""Of satp, the page of the root table."""
HITS = 3


@pytest.mark.parametrize("smp", [1, 4])
def test_breakpoints_of_the_kernel_and_of_one_process(tmp_path: Path, smp: int) -> None:
    with DebianGuest(tmp_path, "--smp", str(smp), "--quiet") as debian:
        loops = [
            int(debian.told("while :; do :; done & echo $!")[-1]),
            int(debian.told("while :; do :; done & echo $!")[-1]),
        ]
        gdb = Gdb()
        try:
            with debian.control() as control:
                gdb.connect(control.gdb()["target"])
            names = tmp_path / "names.elf"
            assert " symbols are in " in gdb.console(f"monitor symbols {names}")
            gdb.ask(f"-file-symbol-file {names}")
            gdb.ask("-break-insert -t -h *hrtimer_interrupt")
            assert 'func="hrtimer_interrupt"' in gdb.go()
            assert gdb.value("$priv") == 1
            at = program_counter_of_a_program(gdb, smp)
            spaces = [spaces_met(gdb, pid, at) for pid in loops]
            assert [len(each) for each in spaces] == [1, 1] and spaces[0] != spaces[1]
            gdb.ask("-target-detach")
        finally:
            gdb.end()
        assert debian.told("echo still there") == ["still there"]


def program_counter_of_a_program(gdb: Gdb, smp: int) -> int:
    """Where a hart is in a program; both loops run the same code."""
    while True:
        gdb.ask("-exec-continue")
        gdb.ask("-exec-interrupt")
        gdb.stopped()
        for thread in range(1, smp + 1):
            gdb.ask(f"-thread-select {thread}")
            if gdb.value("$priv") == 0:
                return gdb.value("$pc")


def spaces_met(gdb: Gdb, pid: int, at: int) -> set[int]:
    """The address spaces in which a breakpoint is hit that is a process's."""
    assert f"hold in process {pid} " in gdb.console(f"monitor space {pid}")
    gdb.ask(f"-break-insert *{at:#x}")
    found = set()
    for _ in range(HITS):
        assert 'reason="breakpoint-hit"' in gdb.go()
        found.add(gdb.value("$satp") & ROOT_PAGE)
    gdb.ask("-break-delete")
    return found
