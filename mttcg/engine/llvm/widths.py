"""The low bits of 64-bit values, and back."""

from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I64, INTEGERS, Value


def narrow(build: Builder, value: I64, bits: int) -> Value:
    """The low bits of a 64-bit value."""
    return value if bits == 64 else build.cast("trunc", value, INTEGERS[bits])


def widen(build: Builder, value: Value) -> I64:
    """An integer, zero-extended to 64 bits."""
    return value if isinstance(value, I64) else build.cast("zext", value, I64)
