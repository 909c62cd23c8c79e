"""AMO, LR and SC as real atomics on the memory that all vCPUs share (Unprivileged ISA, chapter 8).

Every host operation here is sequentially consistent, which is as strong as any aq/rl bits ask.
SC is a compare-and-swap against what LR read: it fails when the value differs, and may succeed
after another hart wrote the same value back, which no guest can tell by the value itself.
"""

from numba import njit

from mttcg.isa import native as host

LR, SC = 0b00010, 0b00011
SWAP, ADD, XOR, AND, OR = 0b00001, 0b00000, 0b00100, 0b01100, 0b01000
MIN, MAX, MINU, MAXU = 0b10000, 0b10100, 0b11000, 0b11100


@njit(cache=True)
def is_amo(operation, size):
    """Whether funct5 and the access size name an AMO, LR or SC."""
    if size != 4 and size != 8:
        return False
    return operation <= 0b00100 or (operation & 3 == 0 and operation <= 0b11100)


@njit(cache=True)
def amo32(operation, address, operand):
    """A 32-bit AMO at a host address; what was there before, sign-extended."""
    if operation == SWAP:
        return host.swap32(address, operand)
    if operation == ADD:
        return host.add32(address, operand)
    if operation == XOR:
        return host.xor32(address, operand)
    if operation == AND:
        return host.and32(address, operand)
    if operation == OR:
        return host.or32(address, operand)
    if operation == MIN:
        return host.min32(address, operand)
    if operation == MAX:
        return host.max32(address, operand)
    if operation == MINU:
        return host.minu32(address, operand)
    return host.maxu32(address, operand)


@njit(cache=True)
def amo64(operation, address, operand):
    """A 64-bit AMO at a host address; what was there before."""
    if operation == SWAP:
        return host.swap64(address, operand)
    if operation == ADD:
        return host.add64(address, operand)
    if operation == XOR:
        return host.xor64(address, operand)
    if operation == AND:
        return host.and64(address, operand)
    if operation == OR:
        return host.or64(address, operand)
    if operation == MIN:
        return host.min64(address, operand)
    if operation == MAX:
        return host.max64(address, operand)
    if operation == MINU:
        return host.minu64(address, operand)
    return host.maxu64(address, operand)
