"""What an instruction is for, in words that reports use."""

from enum import IntEnum


class InstructionClass(IntEnum):
    """What an instruction is for; its value is its place in reports.

    A CALL writes a link register, a RETURN jumps to one, a SWITCH does both with two different
    ones, which returns and calls at once. OTHER is what the hart has no instruction for.
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
