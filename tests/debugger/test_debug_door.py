"""The socket at which a run waits for a debugger, and what is left of one that was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mttcg.attached import parse_place
from mttcg.supervisor.debugging.debug_door import DebugDoor

KILLED = """
import os, signal
from mttcg.attached import parse_place
from mttcg.supervisor.debugging.debug_door import DebugDoor
door = DebugDoor(parse_place(""))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_door_removes_what_a_killed_run_left_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    own = tmp_path / "mttcg-own"
    own.mkdir()
    (own / "gdb").write_text("a user's")
    first = DebugDoor(parse_place(""))
    killed = subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = set(tmp_path.iterdir()) - {own, Path(first.target).parent}
    assert (left / "gdb").is_socket()
    second = DebugDoor(parse_place(""))
    doors = {Path(door.target).parent for door in (first, second)}
    assert set(tmp_path.iterdir()) == {own, *doors}
    for door in (first, second):
        door.close()
        door.close()
    assert list(tmp_path.iterdir()) == [own]
