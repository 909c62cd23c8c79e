"""The instruction table: consistent in itself, and the facts that follow from its rows."""

import random

import pytest

from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table.decode import BY_NAME, ROWS, decode
from mttcg.isa.riscv64.table.layout import LAYOUTS
from mttcg.isa.table.row import Row

HALVES = [word for word in range(1 << 16) if length(word) == 2]


def words_of(row: Row, count: int, seed: int = 0) -> list[int]:
    """Random words of a row."""
    source = random.Random(f"{row.name} {seed}")
    free = (1 << 8 * row.length) - 1 & ~row.mask
    drawn = (row.match | source.getrandbits(32) & free for _ in range(8 * count))
    return [word for word in drawn if row.matches(word)][:count]


# --- in itself


def test_names_are_unique_and_layouts_used() -> None:
    assert len(BY_NAME) == len(ROWS)
    assert {row.layout for row in ROWS} == set(LAYOUTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_sound_and_reachable(row: Row) -> None:
    assert row.match & ~row.mask == 0
    assert length(row.match) == row.length
    claimed = [operand.mask for operand in row.format.operands]
    assert all(mask & row.mask == 0 for mask in claimed)
    words = words_of(row, 20)
    assert words
    for word in words:
        decoded = decode(word)
        assert decoded is not None
        assert decoded.row is row, (hex(word), decoded.name)


def test_no_word_has_two_rows() -> None:
    for index, row in enumerate(ROWS):
        for other in ROWS[:index]:
            if row.length != other.length or (row.match ^ other.match) & row.mask & other.mask:
                continue
            # their fixed bits allow common words: the exclusions keep them apart
            common = row.match | other.match
            free = ~(row.mask | other.mask) & 0xFFFF
            assert row.length == 2, (row.name, other.name)
            both = [
                word
                for word in HALVES
                if word & ~free == common and row.matches(word) and other.matches(word)
            ]
            assert not both, (row.name, other.name, hex(both[0]))


def test_the_upper_half_of_a_compressed_word_does_not_count() -> None:
    assert decode(0xFFFF_8082) == decode(0x8082)


@pytest.mark.parametrize(
    "word",
    [
        0x0000,  # defined illegal
        0x0004,  # c.addi4spn of 0
        0x2001,  # c.addiw x0
        0x6101,  # c.addi16sp of 0
        0x6801,  # c.lui of 0
        0x4002,  # c.lwsp x0
        0x6002,  # c.ldsp x0
        0x8002,  # c.jr x0
        0x8C40,  # quadrant 0, funct3 4
        0x9C79,  # c.subw's place, next ones
        0x9C7D,
        0x0200_1013 | 1 << 26,  # slli with a 7-bit shift
        0x0200_101B,  # slliw with a 6-bit shift
        0x1010_A52F | 1 << 20,  # lr.w with rs2
        0x00C5_D553,  # rm = 5
        0x00C5_E553,  # rm = 6
        0x0400_5053,  # half precision, rm = 5
        0x0600_0053,  # quad precision
        0xFFFF_FFFF,
        0x0000_4033 | 0x04 << 25,  # zext.h of RV32
        0x6985_5513 & ~(1 << 25),  # rev8 of RV32
    ],
)
def test_reserved_words_have_no_row(word: int) -> None:
    assert decode(word) is None


def test_hints_have_rows() -> None:
    hints = {
        0x0005: "c.nop",  # c.nop 1
        0x0081: "c.addi",  # c.addi ra, 0
        0x4005: "c.li",  # c.li x0, 1
        0x6005: "c.lui",  # c.lui x0, 1
        0x8006: "c.mv",  # c.mv x0, ra
        0x900A: "c.add",  # c.add x0, sp: ntl.p1
        0x0002: "c.slli",  # c.slli x0, 0
        0x8001: "c.srli",  # c.srli s0, 0
        0x8401: "c.srai",  # c.srai s0, 0
        0x0100_000F: "fence",  # pause
    }
    for word, name in hints.items():
        decoded = decode(word)
        assert decoded is not None
        assert decoded.name == name


# --- the facts

KINDS = {
    "fence.i": Kind.SYSTEM,
    "ecall": Kind.SYSTEM,
    "mret": Kind.SYSTEM,
    "sret": Kind.SYSTEM,
    "sfence.vma": Kind.SYSTEM,
    "wfi": Kind.SYSTEM,
    **{row.name: Kind.SYSTEM for row in ROWS if row.extension == "Svinval"},
    "cbo.zero": Kind.STORE,
    "ebreak": Kind.BREAKPOINT,
    "jal": Kind.JUMP,
    "jalr": Kind.INDIRECT,
    **{f"f{name}.{width}": Kind.ALONE for name in ("min", "max") for width in "sd"},
}
KINDS_OF_LAYOUT = {"B": Kind.BRANCH, "AMO": Kind.ATOMIC, "LR": Kind.ATOMIC, "S": Kind.STORE}


def kind_of(row: Row) -> Kind:
    full = BY_NAME[row.expands] if row.expands else row
    if full.name in KINDS:
        return KINDS[full.name]
    if full.syntax.endswith("immediate(rs1)"):
        return Kind.STORE if full.layout == "S" else Kind.LOAD
    return KINDS_OF_LAYOUT.get(full.layout, Kind.PLAIN)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_kind_follows_from_the_row(row: Row) -> None:
    for word in words_of(row, 40):
        if row.name == "fence":
            assert facts(word).kind in (Kind.PLAIN, Kind.FENCE)
        elif row.extension == "Zicsr":
            is_float = 1 <= word >> 20 <= 3
            assert facts(word).kind is (Kind.FLOAT_CONTROL if is_float else Kind.SYSTEM)
        else:
            assert facts(word).kind is kind_of(row), hex(word)


def test_every_access_is_taken_apart_alike() -> None:
    for row in ROWS:
        if kind_of(row) not in (Kind.LOAD, Kind.STORE):
            continue
        for word in words_of(row, 20):
            decoded, access = decode(word), facts(word).access
            assert decoded is not None
            assert access is not None
            register = decoded.rs2 if access.stores else decoded.rd
            assert (access.base, access.register) == (decoded.rs1, register), hex(word)
            assert access.displacement == decoded.immediate
