"""Words of 8 bytes by which native functions find what they need, at an address that they get.

One vCPU's process has them, so nobody else writes them meanwhile.
"""

import numpy as np
from numba import njit

from mttcg.native import host

U64 = np.uint64


@njit(cache=True)
def get(words, word):
    """One of the words."""
    return host.read64(words + U64(8 * word))


@njit(cache=True)
def put(words, word, value):
    """Set one of the words."""
    host.store64(words + U64(8 * word), value)
