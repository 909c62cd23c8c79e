"""On Debian's kernel: processes are those that the guest's own ps shows."""

from pathlib import Path

import pytest
from debian_guest import VCPUS, DebianGuest, needs_debian

PS = "ps -o pid,ppid,stat,comm"


def rows_of_ps(lines: list[str]) -> list[tuple[int, int, str, str]]:
    """Number, parent, state and name, but for the ps itself."""
    found = []
    for line in lines[1:]:
        pid, parent, state, name = line.split(None, 3)
        if name != "ps":
            found.append((int(pid), int(parent), state[0], name))
    return found


def is_named(comm: str, shown: str) -> bool:
    """The kernel shows what its workers do behind their names, as in kworker/0:1-events."""
    return shown.startswith(comm) if comm.startswith("kworker/") else shown == comm


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@pytest.mark.parametrize("smp", [smp for smp in VCPUS if smp > 1])
def test_processes_are_those_of_ps(smp: int, tmp_path: Path) -> None:
    with DebianGuest(tmp_path, "--smp", str(smp)) as guest, guest.control() as control:
        for _ in range(smp - 1):
            guest.told("(while true; do true; done) &")
        guest.told("sleep 10000 &")
        guest.told("(sleep 10001; true) &")
        for _ in range(20):  # until nothing came or went meanwhile
            before = rows_of_ps(guest.told(PS))
            found = control.processes()
            if before == rows_of_ps(guest.told(PS)):
                break
        assert [(each["pid"], each["parent"]) for each in found] == [row[:2] for row in before]
        for each, (_, parent, state, name) in zip(found, before, strict=True):
            assert is_named(each["comm"], name)
            if parent not in (0, 2) and not each["running"]:
                assert each["state"] == state, name
        sleeping = [each for each in found if each["comm"] == "sleep"]
        assert len(sleeping) == 2
        assert {each["state"] for each in sleeping} == {"S"}
        spaces = [each["space"] for each in found if each["parent"] not in (0, 2)]
        assert 0 not in spaces
        assert len(set(spaces)) == len(spaces)
        assert {each["space"] for each in found if each["parent"] == 2} == {0}
        threads = control.processes(threads=True)
        assert {each["pid"] for each in found} <= {each["pid"] for each in threads}
        assert "reboot: Power down" in guest.end()
