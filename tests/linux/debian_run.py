"""One boot of Debian's kernel to its end, with plugins; what it showed, and its result."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from debian_guest import FOLDER, QUICK

from mttcg.images.catalogue import INITRD, KERNEL


class DebianRun(NamedTuple):
    """What the guest showed, what the plugins did, and the result as JSON."""

    shown: str
    said: str
    result: Any

    def report(self, plugin: str) -> Any:
        return self.result["plugins"][plugin]


def boot(
    folder: Path,
    commands: str,
    *plugins: str,
    smp: int = 1,
    initrd: Path = FOLDER / INITRD,
    more: str = "",
    options: tuple[str, ...] = (),
) -> DebianRun:
    """Boot, have the shell do something, and power off; `more`: of the kernel's command line."""
    result = folder / "result.json"
    append = f'console=ttyS0 quiet {QUICK} {more} run="{commands}"'
    command = [
        *(sys.executable, "-m", "mttcg", "run", "--kernel", str(FOLDER / KERNEL)),
        *("--initrd", str(initrd), "--append", append, "--memory", "256M", "--smp", str(smp)),
        *("--json", str(result), *options),
        *(word for plugin in plugins for word in ("--plugin", plugin)),
    ]
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 0, run.stdout + run.stderr
    shown = run.stdout.replace("\r", "")
    return DebianRun(shown, run.stderr, json.loads(result.read_text()))
