"""On Debian's kernel: the log of system calls is what the guest's own strace shows."""

import re
from pathlib import Path

import pytest
from debian_guest import VCPUS, needs_debian
from debian_run import boot
from guest_strace import (
    ShownCall,
    calls_of_strace,
    initrd_with_strace,
    needs_strace,
    top_level,
)

TRACED = "ls -l /etc | head -n 1; mkdir /tmp/a; cat /etc/passwd > /tmp/a/b; cat /none; kill -9 $$"
COMMANDS = f"strace -f -o /tmp/log sh -c '{TRACED}'; echo BEGIN; cat /tmp/log; echo END"
ROW_OF_LOG = re.compile(r"\S+ cpu\d+ \S+\((\d+)\) (\w+)\((.*)\) = (.+?)(?: <\S+>)?")
STRUCTURES = ("{", "[{", "[]", "~[", "[INT", "[CHLD", "[TERM")
"""What strace takes apart, and the log shows as an address."""
NEWER = {"syscall_0x102": "riscv_hwprobe"}
"""Calls that Debian's strace has no name for."""
OTHERWISE = {"clone", "rt_sigreturn", "prctl", "riscv_hwprobe", "kill"}
"""Calls whose arguments strace puts in another way."""


def calls_of_log(text: str) -> list[ShownCall]:
    rows = [ROW_OF_LOG.fullmatch(line) for line in text.splitlines()]
    found = [row for row in rows if row is not None]
    assert len(found) == len(rows)
    return [ShownCall(int(row[1]), row[2], top_level(row[3]), row[4]) for row in found]


def is_same(shown: str, logged: str) -> bool:
    if shown.startswith(STRUCTURES):
        return re.fullmatch("NULL|0x[0-9a-f]+", logged) is not None
    return shown == logged


def assert_same(shown: ShownCall, logged: ShownCall) -> None:
    assert NEWER.get(shown.name, shown.name) == logged.name, (shown, logged)
    # whoever kills itself has a result, but strace finds it dead
    assert shown.result in (logged.result, "?" if logged.name == "kill" else None), (shown, logged)
    if logged.name not in OTHERWISE:
        assert len(shown.arguments) == len(logged.arguments), (shown, logged)
        assert all(map(is_same, shown.arguments, logged.arguments)), (shown, logged)


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_what_was_written_is_out_before_the_machine_is_switched_off(tmp_path: Path) -> None:
    """The kernel waits for no terminal: /init asks for that (tcsetattr(3), TCSADRAIN)."""
    log = tmp_path / "calls.txt"
    run = boot(tmp_path, "echo all of it", f"syscalls,out={log},process=stty", smp=1)
    assert "all of it" in run.shown
    assert "ioctl(0, TCSETSW, " in log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@needs_strace
@pytest.mark.parametrize("smp", VCPUS)
def test_the_log_is_that_of_strace(smp: int, tmp_path: Path) -> None:
    log = tmp_path / "calls.txt"
    plugin = f"syscalls,out={log},top=0"
    run = boot(tmp_path, COMMANDS, plugin, smp=smp, initrd=initrd_with_strace(tmp_path))
    text = run.shown.partition("\nBEGIN\n")[2].partition("\nEND\n")[0]
    shown = list(calls_of_strace(text))
    logged = calls_of_log(log.read_text())
    assert len({call.pid for call in shown}) >= 4
    for pid in sorted({call.pid for call in shown}):
        ours = [call for call in logged if call.pid == pid]
        theirs = [call for call in shown if call.pid == pid]
        # strace sees what it follows from its first execve, or as soon as it is a child, on
        ours = ours[-len(theirs) :]
        assert len(ours) == len(theirs) > 1
        for one, other in zip(theirs, ours, strict=True):
            assert_same(one, other)
    report = run.report("syscalls")
    rows = report["by process and call"]
    assert report["calls"] == len(logged) == sum(row["calls"] for row in rows)
    assert report["errors"] == sum(" E" in f" {call.result[2:]}"[:3] for call in logged
                                   if call.result.startswith("-1 "))  # fmt: skip
    unfinished = sum(row["unfinished"] for row in rows)
    assert unfinished == sum(call.result == "?" for call in logged) > 4
