"""Registers as packets have them: bytes in the guest's order, as hexadecimal digits."""

from collections.abc import Iterator

from mttcg.debugger.guest import DebuggedGuest, RefusedError
from mttcg.isa.debug_description import DescribedRegister


class RegisterPackets:
    """The registers of a guest's harts.

    Args:
        guest: the guest.
    """

    def __init__(self, guest: DebuggedGuest) -> None:
        self.guest = guest
        self.by_number = guest.description.registers
        by_name = {register.name: register for register in self.by_number.values()}
        self.shown = [by_name[name] for name in guest.description.shown]
        self.counter = by_name[guest.description.counter]

    def read(self, cpu: int, number: int) -> bytes:
        """One register; RefusedError if there is none of that number."""
        return self._text(cpu, self._register(number))

    def write(self, cpu: int, rest: bytes) -> None:
        """NUMBER=DIGITS: write one; RefusedError."""
        number, _, digits = rest.partition(b"=")
        register = self._register(int(number, 16))
        self.guest.write_register(cpu, register.name, self._value(register, digits))

    def read_all(self, cpu: int) -> bytes:
        """Those that come in one packet."""
        return b"".join(self._text(cpu, register) for register in self.shown)

    def write_all(self, cpu: int, digits: bytes) -> None:
        """Write those that come in one packet."""
        for register, piece in self._pieces(digits):
            self.guest.write_register(cpu, register.name, self._value(register, piece))

    def counter_of(self, cpu: int) -> tuple[int, bytes, int]:
        """The number of the program counter, and its value, in digits and as it is."""
        digits = self._text(cpu, self.counter)
        return self.counter.number, digits, self._value(self.counter, digits)

    def _pieces(self, digits: bytes) -> Iterator[tuple[DescribedRegister, bytes]]:
        for register in self.shown:
            size = register.bits // 4
            if digits[:size]:
                yield register, digits[:size]
            digits = digits[size:]

    def _register(self, number: int) -> DescribedRegister:
        if number not in self.by_number:
            raise RefusedError(f"there is no register {number}")
        return self.by_number[number]

    def _text(self, cpu: int, register: DescribedRegister) -> bytes:
        value = self.guest.read_register(cpu, register.name)
        return value.to_bytes(register.bits // 8, "little").hex().encode()

    @staticmethod
    def _value(register: DescribedRegister, digits: bytes) -> int:
        if len(digits) != register.bits // 4:
            raise RefusedError(f"{register.name} has {register.bits} bits")
        return int.from_bytes(bytes.fromhex(digits.decode()), "little")
