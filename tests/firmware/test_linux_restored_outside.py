"""Debian with a virtio console and a mounted folder goes on from a snapshot, each time with another
input, and is refused where the folder is not what it was."""

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from linux_guest import BOOT, FOLDER, IS_THERE, KERNEL, WHY_NOT
from test_linux_restored import LIMIT, Shown

from mttcg import Machine
from mttcg.images.catalogue import INITRD
from mttcg.snapshot.errors import SnapshotError
from mttcg_bus import Control

pytestmark = [
    pytest.mark.skipif(not IS_THERE, reason=WHY_NOT),
    pytest.mark.timeout(4 * LIMIT),
]
COMMANDS = (
    "modprobe 9p; mkdir /s; mount -t 9p -o trans=virtio,version=9p2000.L share /s; "
    "exec 3</s/given; head -c 1 <&3; echo; echo begun: here; read word; echo took: $word; "
    "md5sum <&3; echo $word >>/s/made; umount /s; echo ended: all"
)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "given").write_bytes(os.urandom(3 << 20))
    return folder


@pytest.fixture
def taken(tmp_path: Path, shared: Path) -> Iterator[Path]:
    """A snapshot of a guest that has a file open there, and waits for a line."""
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=FOLDER / INITRD,
        append=f'console=ttyS0 {BOOT} run="{COMMANDS}"',
        memory=256 << 20,
        console="virtio",
        shares=[f"{shared},write"],
        control=True,
    )
    console, path = Shown(), tmp_path / "a.snap"
    urls: list[str] = []
    results: list[Any] = []
    reading, typing = os.pipe()

    def run() -> None:
        try:
            results.append(machine.run(console=console, on_bus=urls.append, stdin_fd=reading))
        finally:
            console.end()

    running = threading.Thread(target=run)
    running.start()
    console.wait_for(b"begun: here")
    with Control(urls[0], seconds=LIMIT) as control:
        control.snapshot(path)
        control.stop()
    running.join()
    os.close(typing)
    os.close(reading)
    yield path


def gone_on(path: Path, word: str) -> list[str]:
    """What a guest shows that goes on from there, and is given a line."""
    reading, typing = os.pipe()
    os.write(typing, f"{word}\n".encode())
    os.close(typing)
    console = io.BytesIO()
    result = Machine.from_snapshot(path).run(console=console, stdin_fd=reading)
    os.close(reading)
    assert result.exit_status == 0 and not result.failures
    return [line.strip() for line in console.getvalue().decode(errors="replace").splitlines()]


def test_a_console_and_a_folder_go_on(taken: Path, shared: Path, tmp_path: Path) -> None:
    rest = (shared / "given").read_bytes()
    lines = [gone_on(taken, word) for word in ("one", "two")]
    for word, shown in zip(("one", "two"), lines, strict=True):
        assert f"took: {word}" in shown and "ended: all" in shown, shown
        # the guest's head has taken a byte, or what it reads at a time
        sums = {hashlib.md5(rest[at:]).hexdigest() for at in (0, 1, 1024, 4096, 65536)}
        assert any(line.split(" ")[0] in sums for line in shown), shown
    assert (shared / "made").read_text() == "one\ntwo\n"
    (shared / "given").rename(shared / "other")
    with pytest.raises(SnapshotError, match=r"given: No such file.*; expected the file that was"):
        Machine.from_snapshot(taken)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(SnapshotError, match="the guest has mounted --share"):
        Machine.from_snapshot(taken, shares=[f"{tmp_path}/elsewhere,write"])
