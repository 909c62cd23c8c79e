"""A guest whose file has headers and notes for places where the board has no RAM."""

import struct
from collections.abc import Callable
from pathlib import Path

from run_harness import Running
from tiny_elf import HEADERS, NOTE, RAM_BASE, TinyElf, TinySection, TinySegment

CODE = struct.pack(
    "<8I",
    0x1000_02B7,  # lui t0, 0x10000
    0x0410_0313,  # li t1, 'A'
    0x0062_8023,  # sb t1, (t0)
    0x0010_02B7,  # lui t0, 0x100
    0x0000_5337,  # lui t1, 5
    0x5553_0313,  # addi t1, t1, 0x555
    0x0062_A023,  # sw t1, (t0)
    0x0000_006F,  # j .
)


def test_it_runs_without_them_and_says_so(start: Callable[..., Running], tmp_path: Path) -> None:
    before = RAM_BASE - HEADERS - 2 * 56
    note = TinySegment(0x1_0000, bytes(16))
    elf = TinyElf(
        segments=(TinySegment(before, CODE, headers=True), note),
        sections=(
            TinySection(".text", RAM_BASE, len(CODE)),
            TinySection(".note.gnu.build-id", 0x1_0000, 16, segment=1, kind=NOTE),
        ),
    )
    path = tmp_path / "guest.elf"
    path.write_bytes(elf.content())
    running = start(str(path), "--quiet", with_json=True)
    assert running.wait() == 0
    assert running.shown == b"A"
    warnings = [
        f"{path}: the segment at 0x10000 to 0x1000f is left out: it is outside RAM, and holds only "
        ".note.gnu.build-id",
        f"{path}: the part at {before:#x} to 0x7fffffff of the segment at {before:#x} to "
        "0x8000001f is left out: it is outside RAM, and holds only ELF headers",
    ]
    assert running.result["warnings"] == warnings
    assert running.stderr == "".join(f"mttcg: warning: {warning}\n" for warning in warnings)
