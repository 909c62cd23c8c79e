"""What the semantics of an instruction may use: one small vocabulary, several meanings.

The semantics in `table` are written once, against this protocol. The interpreter gives the words
their meaning on Python ints; a translator emits code for them. A value is 64 bits wide unless said
otherwise; the words are total: division by zero and oversized shifts never reach them, as the
semantics select around them where the specification says what happens.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)

Binary = Literal["add", "sub", "mul", "and", "or", "xor", "udiv", "sdiv", "urem", "srem"]
Shift = Literal["shl", "lshr", "ashr"]
Compare = Literal["eq", "ne", "ult", "ule", "slt", "sle"]
Amo = Literal["swap", "add", "xor", "and", "or", "min", "max", "minu", "maxu"]
Bits = Literal[32, 64]
PAUSE = 1 << 4
"""No mode of a fence: it orders nothing, but the hart waits for another, which the host may run."""


class Operations(Protocol[V]):
    """The vocabulary. `V` is a value: an int, or the name of one in emitted code."""

    def constant(self, value: int) -> V:
        """A 64-bit constant."""

    def pc_plus(self, displacement: int) -> V:
        """The address at a displacement from the instruction's own."""

    def read_x(self, register: int) -> V:
        """An integer register; x0 reads 0."""

    def write_x(self, register: int, value: V) -> None:
        """Write an integer register; x0 ignores it."""

    def read_f(self, register: int) -> V:
        """The 64 bits of a floating-point register."""

    def write_f(self, register: int, value: V) -> None:
        """Write the 64 bits of a floating-point register."""

    def binary(self, operation: Binary, a: V, b: V, bits: Bits = 64) -> V:
        """Arithmetic modulo 2^bits; 32-bit results come zero-extended. The divisor is not 0."""

    def shift(self, operation: Shift, value: V, amount: V, bits: Bits = 64) -> V:
        """Shift by amount modulo bits; 32-bit results come zero-extended."""

    def multiply_high(self, a: V, b: V, signed_a: bool, signed_b: bool) -> V:
        """Upper 64 bits of the 128-bit product."""

    def compare(self, operation: Compare, a: V, b: V) -> V:
        """1 or 0, of two 64-bit values."""

    def select(self, condition: V, a: V, b: V) -> V:
        """a if condition is not 0, else b; both are evaluated."""

    def sign_extend(self, value: V, bits: int) -> V:
        """The low `bits` bits as a signed number."""

    def zero_extend(self, value: V, bits: int) -> V:
        """The low `bits` bits as an unsigned number."""

    def count(self, what: Literal["leading", "trailing", "ones"], value: V, bits: Bits) -> V:
        """Zeros in front, zeros behind (bits if there is no 1), or ones."""

    def byte_swap(self, value: V) -> V:
        """The eight bytes in reverse."""

    def load(self, address: V, size: int) -> V:
        """`size` bytes of memory, zero-extended; may trap."""

    def store(self, address: V, size: int, value: V) -> None:
        """Store the low `size` bytes; may trap."""

    def load_reserved(self, address: V, size: int) -> V:
        """A load that reserves the place, zero-extended; may trap."""

    def store_conditional(self, address: V, size: int, value: V) -> V:
        """A store if the place is reserved and unchanged: 0 if it stored, 1 if not; may trap."""

    def amo(self, operation: Amo, address: V, size: int, value: V) -> V:
        """What was there before, zero-extended; may trap."""

    def compare_and_swap(
        self, address: V, size: int, expected: tuple[V, ...], value: tuple[V, ...]
    ) -> tuple[V, ...]:
        """A store if the place holds what is expected; what was there, zero-extended; may trap.

        All of it at once: one value of up to 8 bytes, or two of 8, the lower first.
        """

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        """A memory fence with its 4-bit sets (I, O, R, W) and fm field; or PAUSE in place of fm."""

    def jump(self, target: V) -> None:
        """Go on at an address with bit 0 clear."""

    def branch(self, condition: V, displacement: int) -> None:
        """Go on at a displacement from the instruction if condition is not 0, else after it."""

    def system(self, word: int, does: "Callable[[SystemWords[V]], None] | None" = None) -> None:
        """Do what needs words for the hart's system state; who lacks them leaves it to the host.

        Such an instruction ends its block. None: the host alone can do it.
        """

    def illegal(
        self, word: int, unless: "Callable[[Operations[V], StateFields[V]], V] | None" = None
    ) -> None:
        """Raise an illegal-instruction exception, unless the hart's state allows it."""

    def float(self, operation: str, rounding: int, *operands: V) -> V:
        """A floating-point operation by name ("add.d", "fma.s", "cvt.w.d", "class.s", ...).

        Operands and result are raw bits (singles unboxed: low 32 bits; integers 64 bits). It
        raises the flags of the float control register; `rounding` is the instruction's mode, 7 for
        the mode in that register.
        """

    def require_float(self, word: int, rounds: bool = False) -> None:
        """Raise an illegal-instruction exception if floating point is off.

        Also if the mode in float control is reserved, where the instruction rounds by it.
        """

    def read_float_control(self) -> V:
        """Float control: the rounding mode above the flags, 8 bits in all."""

    def write_float_control(self, value: V) -> None:
        """Write float control; the value has no more than its 8 bits."""


class StateFields(Protocol[V_co]):
    """What an instruction may look at before it runs."""

    def read_state(self, field: str, number: int = 0) -> V_co:
        """A field of the hart's state that the hart alone writes, by its name.

        number: of its word, if it has several.
        """


class StateWords(StateFields[V], Protocol[V]):
    """The words for a hart's system state, its interrupt inputs and its clock.

    They are also for what is no instruction: entering a trap, or the interrupt that is due.
    """

    def write_state(self, field: str, value: V, number: int = 0) -> None:
        """Write such a field, or one word of it."""

    def input_level(self, number: int) -> V:
        """The level of one of the hart's interrupt inputs now, 0 or 1."""

    def timer_level(self) -> V:
        """The level of the hart's timer input now: whether the clock has reached its time."""

    def time(self) -> V:
        """Ticks of the guest's clock now."""

    def has_come(self, time: V) -> V:
        """1 if the guest's clock has reached a time, else 0."""

    def given(self, condition: V, then: Callable[[], V]) -> V:
        """The value of `then` if a condition is not 0, else 0; only what is needed is done."""


class SystemWords(StateWords[V], Protocol[V]):
    """The words for an instruction that needs a hart's system state."""

    def retired(self) -> V:
        """Instructions that the hart retired before this one."""

    def call_firmware(self, condition: V) -> None:
        """Leave a call to the host, which is the firmware, if a condition is not 0.

        Then nothing follows; the hart goes on behind the instruction when the call was answered.
        """

    def lower_input(self, number: int) -> V:
        """Lower one of the hart's interrupt inputs; 0. All accesses behind this come after it."""

    def require(self, condition: V) -> None:
        """Raise an illegal-instruction exception if a condition is 0."""

    def trap(self, cause: V, value: V) -> None:
        """Take a trap instead of this instruction, which does not retire; nothing follows."""

    def trap_unless_call(self, cause: V, value: V) -> None:
        """As `trap`, but the host looks first whether the instruction is a call of it."""

    def status_changed(self) -> None:
        """Say, before the instruction ends, that an interrupt may be due behind it.

        Or that floating point may be on or off, or other addresses translated.
        """

    def wait(self) -> None:
        """Behind this instruction, wait until an interrupt is pending that ends the wait."""

    def fetch_again(self) -> None:
        """Behind this instruction, fetch what stores have made of code by now."""

    def fence_translations(self, address: V | None = None) -> None:
        """Drop what is kept of address translation, all of it or what is of a virtual address.

        What follows the instruction is fetched anew, by its address.
        """
