"""The words by which harts ask each other for fences, in steps that nothing comes between.

C functions made by numba; `state` is the host address of a vCPU's state.
"""

import numpy as np
from numba import cfunc, types

from mttcg.native import host
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

_OFFSET = offsets_of(VcpuState)
ASKED = np.uint64(_OFFSET["fences_asked"])


@cfunc(types.uint64(types.uint64, types.uint64))
def ask(state, bits):
    """Ask; what is read afterwards is read after it."""
    return host.or64(state + ASKED, bits)


@cfunc(types.uint64(types.uint64))
def take(state):
    """Take what was asked for, which is cleared; what is done then is done after that."""
    return host.swap64(state + ASKED, np.uint64(0))
