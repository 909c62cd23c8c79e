"""Where memory of this process lies, for native code."""

import ctypes
from typing import TYPE_CHECKING, Any

from mttcg.memory.address import HostAddress

if TYPE_CHECKING:
    import numpy as np


def address_of_buffer(memory: memoryview) -> HostAddress:
    """Address of a writable buffer, which has to stay alive."""
    return HostAddress(ctypes.addressof(ctypes.c_char.from_buffer(memory)))


def address_of_array(array: "np.ndarray[Any, Any]") -> HostAddress:
    """Address of a contiguous array, which has to stay alive."""
    return HostAddress(array.ctypes.data)


def address_of_function(function: Any) -> HostAddress:
    """Address of a C function, as ctypes has it."""
    return HostAddress(ctypes.cast(function, ctypes.c_void_p).value or 0)
