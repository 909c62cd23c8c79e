"""Debian's kernel with scripts of work in its initramfs, and what a console must not say."""

import hashlib
import io
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mttcg import Machine
from mttcg.guest.compressed import compress
from mttcg.images.catalogue import CACHE, FIRMWARE, INITRD, KERNEL, folder_of, is_there, row_of
from mttcg.images.cpio import ALIGNMENT, Archive

ROW = row_of("debian-riscv64")
FOLDER = folder_of(ROW, CACHE.expanduser())
BIOS = {"own": None, "OpenSBI": FOLDER / FIRMWARE}
IS_THERE = is_there(ROW, CACHE.expanduser())
WHY_NOT = "mttcg images get debian-riscv64"
CHECKED = bool(os.environ.get("MTTCG_CHECK_LINUX"))
"""Whether all that takes minutes is done."""
QUICK = "cryptomgr.notests=1 initcall_blacklist=jent_mod_init"
"""Words that leave out what takes half of a boot: tests of ciphers."""
BOOT = "quiet" if CHECKED else f"quiet {QUICK}"
"""Words for boots that are not what is tested: the whole of one is at night, and in test_linux."""
SCRIPTS = Path(__file__).parent / "linux"
LOG = "status=$?; dmesg; (exit $status)"
"""For a shell: show the kernel's log, and end as what was before it did."""
WRONG = re.compile(
    r"\brcu\b.*(detected|starved)|\bstall|\bBUG\b|WARNING|soft lockup|hung task"
    r"|blocked for more|Oops|Unable to handle|Call Trace",
    re.IGNORECASE,
)
"""What a kernel says of itself when something was lost, or came late."""


class Booted(NamedTuple):
    """A boot that came to its end.

    Attributes:
        result: of the run.
        lines: of the console, without what is around them.
    """

    result: Any
    lines: list[str]

    def said(self, start: str) -> list[str]:
        """The lines that begin so."""
        return [line for line in self.lines if line.startswith(start)]

    def wrong(self) -> list[str]:
        """The lines that say that something is wrong."""
        return wrong_lines(self.lines)


def wrong_lines(lines: Sequence[str]) -> list[str]:
    """The lines of a console that say that something is wrong."""
    return [line for line in lines if WRONG.search(line)]


def initramfs_with(folder: Path, scripts: Mapping[str, str]) -> Path:
    """The image's initramfs with further files in its root: archives stand behind each other."""
    archive = Archive()
    for name, text in scripts.items():
        archive.add_file(name, text.encode(), 0o755)
    first = (FOLDER / INITRD).read_bytes()
    whole = folder / INITRD
    whole.write_bytes(first + bytes(-len(first) % ALIGNMENT) + compress(archive.content()))
    return whole


def boot(folder: Path, commands: str, append: str = "", **options: Any) -> Booted:
    """Boot, run commands, which find the scripts in the root, and power off.

    The kernel's log comes behind what they say, as within it may cut their lines. append: further
    words for the kernel. options: of a `Machine`.
    """
    console = options.pop("console", None) or io.BytesIO()
    scripts = {path.name: path.read_text() for path in SCRIPTS.glob("*.sh")}
    given: dict[str, Any] = {"memory": 512 << 20} | options
    machine = Machine(
        kernel=FOLDER / KERNEL,
        initrd=initramfs_with(folder, scripts),
        append=f'console=ttyS0 {BOOT} {append} run="{commands}; {LOG}"',
        **given,
    )
    result = machine.run(console=console)
    shown = console.getvalue().decode(errors="replace")
    return Booted(result, [line.strip() for line in shown.splitlines()])


def digest_of_numbers(lines: int, in_order: bool) -> str:
    """What `work.sh` is to find."""
    numbers = [number * 7919 % 100003 for number in range(1, lines + 1)]
    text = "".join(f"{number}\n" for number in (sorted(numbers) if in_order else numbers))
    return hashlib.sha256(text.encode()).hexdigest()
