"""Records that translated code writes by itself into a stream attached to it.

They are little endian, as every record on the bus; `cpu` is the index of the vCPU.
"""

import numpy as np

ACCESS = np.dtype(
    [
        ("pc", "<u8"),
        ("address", "<u8"),
        ("value", "<u8"),
        ("cpu", "<u2"),
        ("size", "u1"),
        ("write", "u1"),
        ("reserved", "<u4"),
    ]
)
"""A load or store: `size` in bytes, `value` zero-extended, `write` 1 for a store."""

BLOCK = np.dtype([("pc", "<u8"), ("instructions", "<u2"), ("size", "<u2"), ("cpu", "<u4")])
"""An execution of a block: where it starts, how many instructions it has, its size in bytes."""

INSTRUCTION = np.dtype([("pc", "<u8"), ("cpu", "<u8")])
"""An execution of an instruction, before it."""

EXECUTIONS = np.dtype(
    [
        ("pc", "<u8"),
        ("executions", "<u8"),
        ("instructions", "<u4"),
        ("size", "<u4"),
        ("code", "u1", (64,)),
    ]
)
"""A block of a `BlockTable`: how often it ran, how many instructions it has, its size in bytes, and
the first 64 of them as `code`."""
