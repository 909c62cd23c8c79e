"""The interpreter beside QEMU: Zba, Zbb, Zbs and NaN boxing, which Unicorn lacks, and the rest.

QEMU 7.2 lacks what `LATER` has; half precision it has under a name of its own.

A guest of a few words runs every case: it puts the instruction into its own code, loads a0 to a2
and fa0 to fa3, runs it, and writes a0, fa0, fcsr and whether it trapped to the UART.
"""

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.table.decode import ROWS, decode
from mttcg.isa.table.row import Row

PROGRAM = "qemu-system-riscv64"
LATER = ("Zicond", "Zimop", "Zfa")
CPU = "rv64,zba=true,zbb=true,zbs=true,Zfh=true"
CASES_OF_A_ROW = 60
LIMIT_SECONDS = 60
RESULT, TAKEN, FIRST = 10, (11, 12, 13), 0x8000_0000
CASES_AT = 0x10000
BOX = 0xFFFF_FFFF << 32

GUEST = (
    0x80010437,  # 00: lui s0, 0x80010: the cases
    0x02041413,  # 04: slli s0, s0, 32
    0x02045413,  # 08: srli s0, s0, 32
    0x10000937,  # 0c: lui s2, 0x10000: the UART
    0x000062B7,  # 10: lui t0, 0x6
    0x3002A073,  # 14: csrrs zero, mstatus, t0: floating point on
    0x00000297,  # 18: auipc t0, 0x0
    0x09C28293,  # 1c: addi t0, t0, 156
    0x30529073,  # 20: csrrw zero, mtvec, t0
    0x00043483,  # 24: ld s1, 0(s0): how many
    0x04040413,  # 28: addi s0, s0, 64
    0x08048E63,  # 2c: beq s1, zero, 156: to the end
    0x00042283,  # 30: lw t0, 0(s0)
    0x00000317,  # 34: auipc t1, 0x0
    0x03830313,  # 38: addi t1, t1, 56
    0x00532023,  # 3c: sw t0, 0(t1): the instruction
    0x0000100F,  # 40: fence.i
    0x00442283,  # 44: lw t0, 4(s0)
    0x00329073,  # 48: csrrw zero, fcsr, t0
    0x00843503,  # 4c: ld a0, 8(s0)
    0x01043583,  # 50: ld a1, 16(s0)
    0x01843603,  # 54: ld a2, 24(s0)
    0x02043507,  # 58: fld fa0, 32(s0)
    0x02843587,  # 5c: fld fa1, 40(s0)
    0x03043607,  # 60: fld fa2, 48(s0)
    0x03843687,  # 64: fld fa3, 56(s0)
    0x00000A13,  # 68: addi s4, zero, 0
    0x00000013,  # 6c: here the instruction is put
    0x003029F3,  # 70: csrrs s3, fcsr, zero
    0x00050293,  # 74: addi t0, a0, 0
    0x024000EF,  # 78: jal ra, 36: send
    0xE20502D3,  # 7c: fmv.x.d t0, fa0
    0x01C000EF,  # 80: jal ra, 28: send
    0x008A1293,  # 84: slli t0, s4, 8
    0x0132E2B3,  # 88: or t0, t0, s3
    0x010000EF,  # 8c: jal ra, 16: send
    0x04040413,  # 90: addi s0, s0, 64
    0xFFF48493,  # 94: addi s1, s1, -1
    0xF95FF06F,  # 98: jal zero, -108: the next
    0x00800313,  # 9c: send: addi t1, zero, 8
    0x00590023,  # a0: sb t0, 0(s2)
    0x0082D293,  # a4: srli t0, t0, 8
    0xFFF30313,  # a8: addi t1, t1, -1
    0xFE031AE3,  # ac: bne t1, zero, -12
    0x00008067,  # b0: jalr zero, 0(ra)
    0x00100A13,  # b4: a trap: addi s4, zero, 1
    0x00000317,  # b8: auipc t1, 0x0
    0xFB830313,  # bc: addi t1, t1, -72
    0x34131073,  # c0: csrrw zero, mepc, t1: after the instruction
    0x30200073,  # c4: mret
    0x001002B7,  # c8: the end: lui t0, 0x100: the finisher
    0x00005337,  # cc: lui t1, 0x5
    0x55530313,  # d0: addi t1, t1, 1365
    0x0062A023,  # d4: sw t1, 0(t0)
    0xFF1FF06F,  # d8: jal zero, -16
)

INTEGERS = (0, 1, 2, 63, 64, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**63 - 1, 2**63, 2**64 - 1)
SINGLES = (0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F80_0001, 0xFFC1_2345, 1)
SINGLES += (0x3F80_0000, 0xBF80_0000, 0x007F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0x4F00_0000)
DOUBLES = (0, 1 << 63, 0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, (0x7FF0 << 48) + 1, 1, 1 << 52)
DOUBLES += (0x3FF0 << 48, 0xBFF0 << 48, (1 << 52) - 1, (0x7FF0 << 48) - 1, 0x41E0 << 48)

Case = tuple[int, int, int, int, int, int, int, int, int]
"""Word, fcsr, a0 to a2, fa0 to fa3, as the guest reads them."""


def computes(row: Row) -> bool:
    """Whether a row only computes a register from registers."""
    operands = {"rd, rs1", "rd, fs1", "fd, fs1", "fd, rs1"}
    return row.length == 4 and row.syntax[:7] in operands and row.extension not in LATER


def place_registers(row: Row, word: int) -> int:
    """The word with the guest's registers."""
    for low, register in ((7, RESULT), *zip((15, 20, 27), TAKEN, strict=True)):
        if 0x1F << low & row.mask == 0 and row.layout not in ("I", "I-shift", "I-shift-word"):
            word = word & ~(0x1F << low) | register << low
    if row.layout.startswith("I"):
        word = word & ~(0x1F << 7 | 0x1F << 15) | RESULT << 7 | TAKEN[0] << 15
    return word


def number(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.3:
        return BOX | source.choice(SINGLES)
    if kind < 0.5:
        return source.choice(DOUBLES)
    if kind < 0.7:
        sign, exponent = source.getrandbits(1), 127 + source.randrange(-40, 40)
        return BOX | sign << 31 | exponent << 23 | source.getrandbits(23)
    sign, exponent = source.getrandbits(1), 1023 + source.randrange(-60, 60)
    return sign << 63 | exponent << 52 | source.getrandbits(52)


def cases() -> list[Case]:
    source = random.Random(7)
    found = []
    for row in filter(computes, ROWS):
        for _ in range(CASES_OF_A_ROW):
            word = place_registers(row, row.match | source.getrandbits(32) & ~row.mask)
            fcsr = source.randrange(8) << 5 if source.random() < 0.1 else source.randrange(5) << 5
            integers = (
                source.choice(INTEGERS) if source.random() < 0.5 else source.getrandbits(64)
                for _ in range(3)
            )
            found.append((word, fcsr, *integers, *(number(source) for _ in range(4))))
    return found


def interpret(case: Case) -> tuple[int, int, int]:
    word, fcsr, a0, a1, a2, fa0, fa1, fa2, fa3 = case
    hart = Interpreter(fcsr=fcsr)
    hart.x[10:13], hart.f[10:14] = [a0, a1, a2], [fa0, fa1, fa2, fa3]
    trapped = hart.step(word) is not None
    return hart.x[RESULT], hart.f[RESULT], hart.fcsr | trapped << 8


def run(folder: Path, given: list[Case]) -> list[tuple[int, int, int]]:
    image = struct.pack(f"<{len(GUEST)}I", *GUEST).ljust(CASES_AT, b"\0")
    image += struct.pack("<Q56x", len(given))
    image += b"".join(struct.pack("<II7Q", *case) for case in given)
    path = folder / "cases.bin"
    path.write_bytes(image)
    command = f"{PROGRAM} -machine virt -cpu {CPU} -display none"
    command += f" -monitor none -serial stdio -bios {path}"
    done = subprocess.run(
        command.split(), capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return list(struct.iter_unpack("<3Q", done.stdout))


def known_wrong(case: Case) -> bool:
    """QEMU before 8.0 counts on into the upper half in ctzw."""
    decoded = decode(case[0])
    return decoded is not None and decoded.name == "ctzw" and case[3] & 0xFFFF_FFFF == 0


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")
def test_qemu_computes_the_same(tmp_path: Path) -> None:
    given = cases()
    found = run(tmp_path, given)
    assert len(found) == len(given)
    for case, theirs in zip(given, found, strict=True):
        if not known_wrong(case):
            decoded = decode(case[0])
            assert interpret(case) == theirs, (decoded and decoded.name, [hex(n) for n in case])
