"""What an instruction is for, and which register it writes, read off its word.

Unprivileged ISA, chapter 34 (RV32/64G instruction listings), 2.5.1 (hints for a return-address
stack: x1 and x5 are the link registers) and 26.8 (compressed instructions). The two functions use
nothing but whole numbers, so that hooks can have them compiled.
"""

from enum import IntEnum


class InstructionClass(IntEnum):
    """What an instruction is for; its value is its place in reports.

    A CALL writes a link register, a RETURN jumps to one, a SWITCH does both with two different
    ones, which returns and calls at once. OTHER is what the base ISA has no place for.
    """

    ALU = 0
    MULTIPLY = 1
    DIVIDE = 2
    LOAD = 3
    STORE = 4
    BRANCH = 5
    JUMP = 6
    CALL = 7
    RETURN = 8
    SWITCH = 9
    ATOMIC = 10
    FENCE = 11
    CSR = 12
    SYSTEM = 13
    FLOAT = 14
    FLOAT_LOAD = 15
    FLOAT_STORE = 16
    OTHER = 17


ALU, MULTIPLY, DIVIDE, LOAD, STORE, BRANCH, JUMP, CALL, RETURN, SWITCH = range(10)
ATOMIC, FENCE, CSR, SYSTEM, FLOAT, FLOAT_LOAD, FLOAT_STORE, OTHER = range(10, 18)
_MAJOR = (
    *(LOAD, FLOAT_LOAD, OTHER, FENCE, ALU, ALU, ALU, OTHER),
    *(STORE, FLOAT_STORE, OTHER, ATOMIC, ALU, ALU, ALU, OTHER),
    *(FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, OTHER, OTHER, OTHER),
    *(BRANCH, JUMP, OTHER, JUMP, SYSTEM, OTHER, OTHER, OTHER),
)
"""By bits 6 to 2."""
_COMPRESSED = (
    *(ALU, FLOAT_LOAD, LOAD, LOAD, OTHER, FLOAT_STORE, STORE, STORE),
    *(ALU, ALU, ALU, ALU, ALU, JUMP, BRANCH, BRANCH),
    *(ALU, FLOAT_LOAD, LOAD, LOAD, ALU, FLOAT_STORE, STORE, STORE),
)
"""By quadrant and funct3."""
NOTHING, FLOATS = 0, 32
"""Destinations: x0 is none, x1 to x31 have their numbers, f0 to f31 those from 32 on."""


MACHINE_RETURN = 0x3020_0073


def is_jump(word: int) -> bool:
    """Whether an instruction always goes elsewhere: jumps, calls, returns and mret."""
    if word & 3 != 3:
        key = (word & 3) << 3 | word >> 13 & 7
        indirect = key == 0b10_100 and word >> 2 & 31 == 0 and word >> 7 & 31 != 0
        return key == 0b01_101 or indirect
    major = word >> 2 & 31
    return major == 0b11011 or major == 0b11001 or word == MACHINE_RETURN


def class_of(word: int) -> int:
    """The InstructionClass of an instruction, from its 16 or 32 bits, as a plain number."""
    rd, rs1 = word >> 7 & 31, word >> 15 & 31
    if word & 3 != 3:
        key = (word & 3) << 3 | word >> 13 & 7
        found = _COMPRESSED[key]
        if word & 0xFFFF == 0:
            return OTHER
        if key != 0b10_100 or word >> 2 & 31 != 0:
            return found
        if word >> 12 & 1 == 0:  # c.jr
            return RETURN if rd == 1 or rd == 5 else JUMP
        if rd == 0:  # c.ebreak
            return SYSTEM
        return SWITCH if rd == 5 else CALL  # c.jalr
    major = word >> 2 & 31
    found = _MAJOR[major]
    if major == 0b01100 or major == 0b01110:
        if word >> 25 & 0x7F == 1:
            return DIVIDE if word >> 14 & 1 else MULTIPLY
    elif major == 0b11100:
        return CSR if word >> 12 & 3 != 0 else SYSTEM
    elif major == 0b11011:
        return CALL if rd == 1 or rd == 5 else JUMP
    elif major == 0b11001:
        pushes, pops = rd == 1 or rd == 5, rs1 == 1 or rs1 == 5
        if pushes and pops and rd != rs1:
            return SWITCH
        if pushes:
            return CALL
        return RETURN if pops else JUMP
    return found


def destination_of(word: int) -> int:
    """The register that an instruction writes: 0 for none, 1 to 31 for x, 32 to 63 for f."""
    rd = word >> 7 & 31
    if word & 3 != 3:
        key, low = (word & 3) << 3 | word >> 13 & 7, 8 + (word >> 2 & 7)
        if word & 0xFFFF == 0:
            return NOTHING
        if key < 8:
            if key == 1:
                return FLOATS + low
            return low if key == 0 or key == 2 or key == 3 else NOTHING
        if key == 0b01_100:
            return 8 + (word >> 7 & 7)
        if key == 0b10_001:
            return FLOATS + rd
        if key == 0b10_100 and word >> 2 & 31 == 0:
            return 1 if word >> 12 & 1 and rd != 0 else NOTHING
        return rd if key < 0b01_101 or 0b10_000 <= key <= 0b10_100 else NOTHING
    major = word >> 2 & 31
    if major == 0b10100:  # comparisons, conversions to integers, moves and classes write x
        function = word >> 27
        return (
            rd if function == 0b10100 or (function >= 0b11000 and not function & 2) else FLOATS + rd
        )
    if 0b10000 <= major < 0b10100 or major == 0b00001:
        return FLOATS + rd
    if major == 0b11100:
        return rd if word >> 12 & 3 != 0 else NOTHING
    if major == 0b00011 or major == 0b01000 or major == 0b01001 or major == 0b11000:
        return NOTHING
    return rd if _MAJOR[major] != OTHER else NOTHING
