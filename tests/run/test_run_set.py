"""Variables that `--set` writes, where start-up code goes over them."""

import struct
from collections.abc import Callable
from pathlib import Path

from flood_guest import A0, T0, T1, T2, add_immediate
from run_harness import Running, guest
from tiny_elf import RAM_BASE, TinyElf, TinySegment, TinySymbol
from trap_guests import A1, address_of, load_word, store_word, upper

LOADED, LINKED = 0x1000, 0x8000
"""Where the variable is in the file's part of RAM, and where the guest has it."""
SHIFT_BY_16 = 16 << 20 | T2 << 15 | 1 << 12 | T2 << 7 | 0x13
ADD = A1 << 20 | T2 << 15 | T2 << 7 | 0x33
STAY = 0x6F
COPIES = (
    *address_of(T0, LOADED, 0),
    *address_of(T1, LINKED, 8),
    *(load_word(T2, T0), store_word(T2, T1), load_word(T2, T1)),
    *(SHIFT_BY_16, upper(A1, 3), add_immediate(A1, A1, 0x333), ADD),
    *(upper(A0, 0x100), store_word(T2, A0), STAY),
)
"""Copies it, and ends with its value as the status, by the test finisher."""


def test_a_variable_that_start_up_code_clears_is_told(start: Callable[..., Running]) -> None:
    set_to_3 = ("--set", "highest_status=3", "--set", "harts_expected=1")
    running = start(guest("hello"), *set_to_3, "--quiet", with_json=True)
    assert running.wait() == 0  # the status that it was set to is gone
    (warning,) = running.result["warnings"]
    assert warning.startswith("--set highest_status: it is in .bss, which start-up code clears")
    assert running.stderr == f"mttcg: warning: {warning}\n"


def test_a_variable_that_start_up_code_copies_has_its_value(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    code = TinySegment(data=struct.pack(f"<{len(COPIES)}I", *COPIES))
    data = TinySegment(RAM_BASE + LOADED, struct.pack("<Q", 3), virtual=RAM_BASE + LINKED)
    variable = TinySymbol("rounds", RAM_BASE + LINKED)
    elf = tmp_path / "copies.elf"
    elf.write_bytes(TinyElf((code, data), (variable,)).content())
    assert start(str(elf), "--quiet").wait() == 3
    running = start(str(elf), "--set", "rounds=7", "--quiet")
    assert (running.wait(), running.stderr) == (7, "")
