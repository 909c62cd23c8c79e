"""Native operations that run another one only sometimes: once, if a probe says so, in a scope,
after some instructions.

Each is `void f(data, a, b, c, d, e)` as every operation; its data are words that only its own vCPU
has, in the order given here.
"""

import numpy as np
from numba import cfunc, types

from mttcg.instrument.native.frames import CONTEXT_AT, SCOPE_MASK, SCOPE_WANTED
from mttcg.native import host

U64 = np.uint64
SIGNATURE = types.void(*[types.uint64] * 6)


@cfunc(SIGNATURE)
def run_once(data, a, b, c, d, e):
    """Run the operation unless its flag is set, and set it."""
    flag = host.read64(data)
    if host.load64(flag) == U64(0):
        host.store64(flag, U64(1))
        host.call_operation(host.read64(data + U64(8)), host.read64(data + U64(16)), a, b, c, d, e)


@cfunc(SIGNATURE)
def run_once_each_block(data, pc, instructions, slot, half, size):
    """Run the operation unless the block's flag is set, and set it."""
    flag = host.read64(data) + ((slot << U64(11)) + half) * U64(8)
    if host.load64(flag) == U64(0):
        host.store64(flag, U64(1))
        function, its_data = host.read64(data + U64(8)), host.read64(data + U64(16))
        host.call_operation(function, its_data, pc, instructions, slot, half, size)


@cfunc(SIGNATURE)
def run_if(data, a, b, c, d, e):
    """Run the operation if the condition gives something else than 0."""
    condition, its_data = host.read64(data + U64(24)), host.read64(data + U64(32))
    if host.call_condition(condition, its_data, a, b, c, d, e) != U64(0):
        host.call_operation(host.read64(data + U64(8)), host.read64(data + U64(16)), a, b, c, d, e)


@cfunc(SIGNATURE)
def run_after_its_kind(data, pc, what, value, target, retired):
    """Run the operation if the instruction, which is over, was of its kind."""
    if what & host.read64(data) != U64(0):
        function, its_data = host.read64(data + U64(8)), host.read64(data + U64(16))
        host.call_operation(function, its_data, pc, what, value, target, retired)


@cfunc(SIGNATURE)
def run_within(data, a, b, c, d, e):
    """Run the operation if the hart's context is in the scope."""
    context = host.load64(host.read64(data + U64(8 * CONTEXT_AT)))
    wanted = host.read64(data + U64(8 * SCOPE_WANTED))
    if context & host.read64(data + U64(8 * SCOPE_MASK)) == wanted:
        host.call_operation(host.read64(data + U64(8)), host.read64(data + U64(16)), a, b, c, d, e)
