"""Encodings against capstone, which reads the same words by its own tables."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mttcg.isa.facts import Access
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import disassemble, facts
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.registers import INDEX
from mttcg.isa.riscv64.table.decode import decode
from mttcg.tbcache.decode import decode_block

PC = 0x8000_0000
SIZES = {"b": 1, "bu": 1, "h": 2, "hu": 2, "w": 4, "wu": 4, "d": 8}
ATOMIC = re.compile(r"(lr|sc|amo\w+)\.[wd](\.\w+)?$")
MEMORY = re.compile(r"(?:c\.)?(f?)([ls])(b|bu|h|hu|w|wu|d)(sp)?$")
OPERANDS = re.compile(r"(\w+), (-?(?:0x)?[0-9a-f]*)\((\w+)\)$")


def text_of(word: int) -> tuple[str, str]:
    """Capstone's mnemonic and operands of one instruction; ("", "") if it knows none."""
    (_, _, text), *_ = disassemble(word.to_bytes(4, "little")[: length(word)], PC)
    name, _, operands = text.partition(" ")
    return ("", "") if name == ".insn" else (name, operands)


def plain_access(word: int) -> Access | None:
    found = facts(word)
    return found.access if found.kind in (Kind.LOAD, Kind.STORE) else None


def check_access(word: int) -> None:
    name, operands = text_of(word)
    found = MEMORY.match(name)
    access = plain_access(word)
    if not name or decode(word) is None:
        assert access is None or not name, "what has no row makes no access"
        return  # reserved, or unknown to capstone: traps when it is executed
    if found is None:
        assert access is None, (hex(word), name)
        return
    floating, direction, size, _ = found.groups()
    register, displacement, base = OPERANDS.match(operands).groups()
    assert access is not None, (hex(word), name, operands)
    assert access.stores == (direction == "s")
    assert access.size == SIZES[size]
    assert access.floating == bool(floating)
    assert INDEX[register] == ("f" if floating else "x", access.register)
    assert INDEX[base] == ("x", access.base)
    assert access.displacement == int(displacement or "0", 0)
    if not floating and not access.stores and access.size < 8:
        assert access.extension == ("zero" if size.endswith("u") else "sign")


def test_every_compressed_word_is_taken_apart_as_capstone_does() -> None:
    for word in range(1 << 16):
        if length(word) == 2:
            check_access(word)


@given(st.integers(0, (1 << 25) - 1), st.sampled_from([0x03, 0x07, 0x23, 0x27]))
def test_loads_and_stores_are_taken_apart_as_capstone_does(upper: int, major: int) -> None:
    check_access(upper << 7 | major)


KINDS = {
    Kind.BRANCH: r"(c\.)?b(eq|ne|lt|ge|ltu|geu|eqz|nez|ltz|gez|lez|gtz|gt|le|gtu|leu)z?$",
    Kind.JUMP: r"(c\.)?(j|jal)$",
    Kind.INDIRECT: r"(c\.)?(jr|jalr|ret)$",
    Kind.BREAKPOINT: r"(c\.)?ebreak$",
}


@given(st.integers(0, (1 << 32) - 1))
def test_kinds_agree_with_capstones_names(word: int) -> None:
    name, _ = text_of(word)
    if not name:
        return
    kind = facts(word).kind
    for expected, pattern in KINDS.items():
        assert (kind is expected) == bool(re.match(pattern, name)), (hex(word), name, kind)
    assert (kind is Kind.ATOMIC) == bool(ATOMIC.match(name)), (hex(word), name, kind)


@pytest.mark.parametrize(
    ("word", "ordered"),
    [
        (0x0FF0_000F, True),  # fence iorw, iorw
        (0x0330_000F, True),  # fence rw, rw
        (0x0120_000F, True),  # fence w, r
        (0x0110_000F, False),  # fence w, w
        (0x0220_000F, False),  # fence r, r
        (0x0230_000F, False),  # fence r, rw
        (0x0310_000F, False),  # fence rw, w
        (0x8330_000F, False),  # fence.tso
        (0x0100_000F, False),  # pause
    ],
)
def test_only_store_to_load_fences_are_left_to_the_host(word: int, ordered: bool) -> None:
    assert facts(word).kind is (Kind.FENCE if ordered else Kind.PLAIN)


def test_a_block_ends_at_its_first_jump_and_keeps_what_straddles_the_page() -> None:
    halves = {0: 0x0001, 2: 0x0001, 4: 0xA001, 6: 0x0001}  # c.nop, c.nop, c.j, c.nop
    block = decode_block(RISCV64.code, 0, lambda offset: halves[offset])
    assert list(block["offset"]) == [0, 2, 4]
    assert Kind(block["kind"][-1]) is Kind.JUMP
    ends = {4092: 0x0001, 4094: 0x0513, 4096: 0x0000}  # c.nop, addi a0, zero, 0 over the edge
    block = decode_block(RISCV64.code, 4092, lambda offset: ends[offset])
    assert list(block["length"]) == [2, 4]
    assert int(block["word"][-1]) == 0x0000_0513


def test_disassembly_goes_on_after_what_capstone_does_not_know() -> None:
    code = bytes.fromhex("0100 0b000000 0100".replace(" ", ""))
    assert [(at, size) for at, size, _ in disassemble(code, PC)] == [
        (PC, 2),
        (PC + 2, 4),
        (PC + 6, 2),
    ]
