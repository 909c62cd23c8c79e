"""In optimised host code the guest's accesses stand in the guest's order, as many as there were.

LLVM sees through a dependency like that on `xor a3, a2, a2`. Were guest memory plain to it, it
would make accesses that do not depend on each other in any other way change places.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import capstone
import pytest
from assembler import assemble
from capstone import x86
from golden_texts import BASE, Golden, text_of

from mttcg.engine.llvm import accesses
from mttcg.engine.llvm.compile import OPTIMISED, compile_relocatable
from mttcg.engine.llvm.ir.forms import AliasClass


class Access(NamedTuple):
    """What an instruction of the host does to guest memory."""

    does: str
    size: int
    displacement: int


LOAD, STORE = "load", "store"
PROGRAMS = {
    "a store that depends on a load": (
        "ld a2, 0(a0); xor a3, a2, a2; addi a3, a3, 1; sd a3, 256(a0); add a4, a4, a2; li a2, 0",
        [Access(LOAD, 8, 0), Access(STORE, 8, 256)],
    ),
    "a store behind a branch on a load": (
        "ld a2, 0(a0); beq a2, a2, 1f; 1: sd a3, 256(a0); add a4, a4, a2; li a2, 0",
        [Access(LOAD, 8, 0), Access(STORE, 8, 256)],
    ),
    "loads of one place, of two sizes": (
        "lw a2, 0(a0); ld a3, 0(a0); mul a3, a3, a3; mul a3, a3, a3; add a4, a4, a3; "
        "addw a5, a5, a2; li a2, 0; li a3, 0",
        [Access(LOAD, 4, 0), Access(LOAD, 8, 0)],
    ),
    "a load of one place that is added later": (
        "ld a2, 0(a0); lw a3, 0(a0); mul a3, a3, a3; add a4, a4, a3; add a5, a5, a2; "
        "li a2, 0; li a3, 0",
        [Access(LOAD, 8, 0), Access(LOAD, 4, 0)],
    ),
    "loads of one place, of one size": (
        "lw a2, 0(a0); lwu a3, 0(a0); mul a3, a3, a3; add a4, a3, a2",
        [Access(LOAD, 4, 0)] * 2,
    ),
    "a load of what was stored": (
        "sd a2, 0(a0); ld a3, 256(a0); ld a4, 0(a0)",
        [Access(STORE, 8, 0), Access(LOAD, 8, 256), Access(LOAD, 8, 0)],
    ),
    "stores of one place": (
        "sw a2, 0(a0); ld a3, 256(a0); sw a4, 0(a0)",
        [Access(STORE, 4, 0), Access(LOAD, 8, 256), Access(STORE, 4, 0)],
    ),
    "stores side by side": (
        "li a2, 1; sw a2, 0(a0); sw a2, 4(a0)",
        [Access(STORE, 4, 0), Access(STORE, 4, 4)],
    ),
}
"""Instructions, and the accesses that they make."""
KEPT_BY_A_LOOK = "a store behind a branch on a load"
"""Here a branch is left between the accesses: that which looks whether the store is to RAM."""


def host_code(text: str) -> bytes:
    """Optimised code of a page that begins with some instructions, and returns."""
    code = assemble(f".option norvc; {text}; ret", BASE)
    words = struct.unpack(f"<{len(code) // 4}I", code)
    return compile_relocatable(text_of(Golden(words)), OPTIMISED).code


def guest_accesses(code: bytes) -> Iterator[Access]:
    """Accesses by an address and the guest's address in RAM, byte by byte.

    Looks into the jump table have two registers too, but go by entries.
    """
    host = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    host.detail = True
    for instruction in host.disasm(code, 0):
        for operand in instruction.operands:
            if operand.type != x86.X86_OP_MEM or instruction.id in (
                x86.X86_INS_LEA,
                x86.X86_INS_NOP,
            ):
                continue
            if operand.mem.index and operand.mem.base and operand.mem.scale == 1:
                does = STORE if operand.access & capstone.CS_AC_WRITE else LOAD
                yield Access(does, operand.size, operand.mem.disp)


@pytest.mark.parametrize("what", PROGRAMS)
def test_accesses_stand_in_the_guests_order(what: str) -> None:
    text, expected = PROGRAMS[what]
    assert list(guest_accesses(host_code(text))) == expected


@pytest.mark.parametrize("what", [what for what in PROGRAMS if what != KEPT_BY_A_LOOK])
def test_they_would_not_if_guest_memory_were_plain(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accesses, "GUEST", AliasClass(3, alignment=", align 1"))
    text, expected = PROGRAMS[what]
    assert list(guest_accesses(host_code(text))) != expected
