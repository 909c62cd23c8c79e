"""Where branches, jumps and calls go is an address in their text, with the symbol there."""

import pytest

from mttcg.isa.riscv64.code import Rv64Code
from mttcg.isa.targets import disassemble_absolute
from mttcg.memory.address import Virtual

PC = Virtual(0x8000_0100)
CASES = (
    ("63880500", "beq a1, zero, 0x80000110", "beqz a1, 0x80000110"),
    ("e31ed5fe", "bne a0, a3, 0x800000fc", ""),
    ("01a0", "c.j 0x80000100", ""),
    ("11c5", "c.beqz a0, 0x8000010c", ""),
    ("ef000010", "jal 0x80000200", "jal ra, 0x80000200"),
    ("13051500", "addi a0, a0, 1", ""),
    ("8280", "c.jr ra", ""),
)


@pytest.mark.parametrize(("code", "text", "alias"), CASES)
def test_a_target_is_an_address(code: str, text: str, alias: str) -> None:
    ((at, size, shown),) = disassemble_absolute(Rv64Code(), bytes.fromhex(code), PC)
    assert (at, size) == (PC, len(code) // 2)
    assert shown in (text, alias)


def test_the_symbol_stands_behind_it() -> None:
    code = bytes.fromhex("1145") + bytes.fromhex("01a0") + bytes.fromhex("8280")
    lines = disassemble_absolute(
        Rv64Code(), code, PC, lambda at: f"loop+{at - PC:#x}" if at >= PC else ""
    )
    assert [text for _, _, text in lines] == [
        "c.li a0, 4",
        "c.j 0x80000102 <loop+0x2>",
        "c.jr ra",
    ]


def test_addresses_wrap() -> None:
    ((_, _, text),) = disassemble_absolute(Rv64Code(), bytes.fromhex("e31ed5fe"), Virtual(0))
    assert text == "bne a0, a3, 0xfffffffffffffffc"
