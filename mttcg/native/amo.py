"""Read-modify-write atomics by number, on the memory that all vCPUs share.

Every host operation here is sequentially consistent, which is as strong as any guest asks.
"""

from numba import njit

from mttcg.native import host

SWAP, ADD, XOR, AND, OR, MIN, MAX, MINU, MAXU = range(9)
NUMBERS = {
    "swap": SWAP,
    "add": ADD,
    "xor": XOR,
    "and": AND,
    "or": OR,
    "min": MIN,
    "max": MAX,
    "minu": MINU,
    "maxu": MAXU,
}
"""The numbers of what `isa.operations.Amo` names."""


@njit(cache=True)
def amo32(operation, address, operand):
    """A 32-bit read-modify-write at a host address; what was there before, sign-extended."""
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
    """A 64-bit read-modify-write at a host address; what was there before."""
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
