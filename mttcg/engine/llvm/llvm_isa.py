"""What the LLVM engine has to know of an ISA, as a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from mttcg.engine.isa_part import isa_part
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I64, Pointer
from mttcg.engine.llvm.rounding import FloatControl, HostFloat
from mttcg.engine.llvm.segment import Segment
from mttcg.isa.base import Isa
from mttcg.memory.address import HostAddress, Virtual


class FloatWords(Protocol):
    """The words of `Operations` that are floating point.

    Attributes:
        used: whether the function has floating-point operations.
        for_lacking_mode: whether it is for the rounding mode in float control that the host lacks,
            otherwise it is for any other.
    """

    used: bool
    for_lacking_mode: bool

    def float(self, operation: str, rounding: int, *operands: I64) -> I64:
        """See Operations."""

    def require_float(self, word: int, rounds: bool = False) -> None:
        """See Operations."""

    def read_float_control(self) -> I64:
        """See Operations."""

    def write_float_control(self, value: I64) -> None:
        """See Operations."""


class FloatFunction(Protocol):
    """What defines floating-point operations, as a function that translated code calls.

    Attributes:
        address: of it.
    """

    address: HostAddress


@dataclass(frozen=True)
class Floats:
    """An ISA's floating point.

    Attributes:
        control: of the host, by the guest's.
        make_words: what emits the operations of a function.
        make_function: the function for what the host can't do exactly, over a hart's state.
        is_computed: whether an instruction that translated code came back for, as the host lacks
            the rounding mode in float control, is one for `compute`; it is illegal otherwise. The
            interpreter comes back for those alone that are illegal.
        compute: runs one at the state's pc; the pc behind it.
    """

    control: FloatControl
    make_words: Callable[[Builder, Segment, Exits, HostFloat], FloatWords]
    make_function: Callable[[Any], FloatFunction]
    is_computed: Callable[[Any], bool]
    compute: Callable[[Any, int], Virtual]


@dataclass(frozen=True)
class LlvmIsa:
    """One ISA in translated code.

    Attributes:
        files: byte offset of each register file in the hart's state, by its letter.
        fields: byte offset of what else translated code has of the state.
        state: byte offset of each field of the state, by its name.
        mode: the mode under which translations are kept, of a hart's state.
        floats: None if the ISA has no floating point.
        no_reservation: what is in the state's reservation while there is none, signed.
        order_bits: of an atomic instruction, that which says that it acquires, and that it
            releases; none if no atomic says so.
        fence_bit: the lowest of a fence's bits for what it orders: four for what is behind it,
            above them four for what is before, and four for its mode.
        fence_mode: those bits of the fence whose mode means something.
    """

    files: Mapping[str, int]
    fields: Mapping[Pointer, int] = field(default_factory=dict)
    state: Mapping[str, int] = field(default_factory=dict)
    mode: Callable[[Any], int] = lambda state: 0
    floats: Floats | None = None
    no_reservation: int = 0
    order_bits: tuple[int, ...] = ()
    fence_bit: int = 0
    fence_mode: int = 0

    def order(self, word: int) -> tuple[bool, bool]:
        """Whether an atomic instruction, by its word, acquires, and whether it releases."""
        acquire, release = (word >> bit & 1 for bit in self.order_bits or (64, 64))
        return bool(acquire), bool(release)

    @cached_property
    def host_float(self) -> HostFloat:
        """What keeps the host's floating-point control."""
        return HostFloat(None if self.floats is None else self.floats.control)


def llvm_isa(isa: Isa) -> LlvmIsa:
    """What the engine has for an ISA."""
    found: LlvmIsa = isa_part("llvm", isa)
    return found
