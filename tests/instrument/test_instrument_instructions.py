"""Instructions as plugins see them, before they run for the first time."""

from pathlib import Path

from instrument_harness import plugin, run_guest

MET = [
    ("outer", "j 0x80000090 <inner>", "JUMP", "j", "0x80000090 <inner>", "0x80000090"),
    (
        *("even", "c.beqz a0, 0x8000009c <even+0x8>", "BRANCH", "c.beqz", "a0"),
        *("0x8000009c <even+0x8>", "0x8000009c"),
    ),
    ("even+0x2", "c.addi a0, -1", "ALU", "c.addi", "a0", "-1", None),
    ("even+0x4", "j 0x800000a0 <odd>", "JUMP", "j", "0x800000a0 <odd>", "0x800000a0"),
    ("even+0x8", "c.li a0, 1", "ALU", "c.li", "a0", "1", None),
    ("even+0xa", "c.jr ra", "RETURN", "c.jr", "ra", None),
]


def test_instructions_are_taken_apart(own_guests: dict[str, Path], tmp_path: Path) -> None:
    done = run_guest(own_guests["returns"], plugin("instructions", out=tmp_path / "out"))
    assert done.in_order, done.result.failures
    assert (tmp_path / "out").read_text().splitlines() == [repr(line) for line in MET]
