"""On Debian's kernel: calls of its functions are as many as the system calls that lead there."""

from pathlib import Path

import pytest
from debian_guest import VCPUS, needs_debian
from debian_run import boot

FUNCTIONS = {"ksys_read": "read", "do_mkdirat": "mkdirat"}
COMMANDS = "mkdir /tmp/a /tmp/b; cat /etc/passwd | md5sum; ls /none; mkdir /none/a"


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@pytest.mark.parametrize("smp", VCPUS)
def test_functions_are_called_as_often_as_the_system_calls(smp: int, tmp_path: Path) -> None:
    patterns = "+".join(["ksys_read", "do_mkdirat", "vfs_*"])
    plugins = f"kfuncs,functions={patterns},top=0", "syscalls,top=0"
    run = boot(tmp_path, COMMANDS, *plugins, smp=smp)
    report = run.report("kfuncs")
    rows = {row["function"]: row for row in report["by function"]}
    made = run.report("syscalls")["by process and call"]
    for function, call in FUNCTIONS.items():
        assert rows[function]["calls"] == sum(r["calls"] for r in made if r["call"] == call)
    assert rows["do_mkdirat"]["calls"] == rows["do_mkdirat"]["returned"] >= 3
    assert rows["vfs_read"]["calls"] >= rows["ksys_read"]["calls"] > 0
    assert report["calls"] == sum(row["calls"] for row in rows.values())
    for row in rows.values():
        assert row["returned"] <= row["calls"]
        assert row["longest_us"] <= row["time_us"] + 1
