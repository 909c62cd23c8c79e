"""Debian under load goes on from snapshots, and all that it was at comes to a right end."""

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from linux_guest import BOOT, CHECKED, FOLDER, IS_THERE, KERNEL, SCRIPTS, WHY_NOT, initramfs_with
from linux_guest import wrong_lines as wrong

from mttcg import Machine
from mttcg_bus import Control

pytestmark = pytest.mark.skipif(not IS_THERE, reason=WHY_NOT)
LIMIT = 900.0
"""Seconds; a boot takes ten, and a host may be busy."""
ROUNDS = 20_000
SUM = ROUNDS * (ROUNDS + 1) // 2
ENDS = sorted([*(f"busy: {n} {SUM}" for n in (1, 2, 3)), "timers: 20", "disk: 40 blocks", "ended"])
TIMES = 66 if CHECKED else 1
"""Snapshots of each run: with 1, 2 and 4 vCPUs that makes 198."""


class Shown(io.BytesIO):
    """A console that others wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Condition()
        self.over = False

    def write(self, text: Any) -> int:
        with self.written:
            count = super().write(text)
            self.written.notify_all()
        return count

    def end(self) -> None:
        """Nothing is written any more."""
        with self.written:
            self.over = True
            self.written.notify_all()

    def wait_for(self, text: bytes) -> None:
        with self.written:
            self.written.wait_for(lambda: text in self.getvalue() or self.over, LIMIT)
        assert text in self.getvalue(), self.getvalue()[-2000:]

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.getvalue().decode(errors="replace").splitlines()]


def ends_of(lines: list[str]) -> list[str]:
    """What the work says at its ends."""
    return sorted(line for line in lines if line.startswith(("busy", "timers", "disk", "ended")))


@pytest.mark.timeout(4 * LIMIT * TIMES)
@pytest.mark.parametrize("smp", [1, 2, 4] if CHECKED else [2])
def test_linux_under_load_goes_on_from_its_snapshots(tmp_path: Path, smp: int) -> None:
    image, console = tmp_path / "disk.img", Shown()
    urls: list[str] = []
    image.write_bytes(os.urandom(1 << 20))
    scripts = {path.name: path.read_text() for path in SCRIPTS.glob("*.sh")}
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=initramfs_with(tmp_path, scripts),
        append=f'console=ttyS0 {BOOT} run="rounds={ROUNDS}; . /restored.sh"',
        memory=512 << 20,
        smp=smp,
        drives=[str(image)],
        control=True,
    )
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(machine.run(console=console, on_bus=urls.append))
        finally:
            console.end()

    running = threading.Thread(target=run)
    running.start()
    console.wait_for(b"begun: ")
    paths: list[Path] = []
    with Control(urls[0], seconds=LIMIT) as control:
        for number in range(TIMES):
            paths.append(tmp_path / f"{number}.snap")
            answer = control.snapshot(paths[-1])
            assert answer["bytes"] == paths[-1].stat().st_size
    running.join()
    assert results[0].exit_status == 0 and not results[0].failures
    assert ends_of(console.lines) == ENDS
    for path in paths:
        again = Shown()
        result = Machine.from_snapshot(path).run(console=again)
        assert result.exit_status == 0 and not result.failures
        # what was shown before is not shown again
        said = ends_of(again.lines)
        assert "ended" in said and set(said) <= set(ENDS)
        assert not wrong(again.lines), path
