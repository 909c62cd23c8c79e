"""Guest code as text, for reports."""

from collections.abc import Callable

from mttcg.instrument.program.guest_isa import guest_isa
from mttcg.isa.targets import disassemble_absolute
from mttcg.memory.address import Virtual


def disassemble(
    code: bytes, address: int, symbol_at: Callable[[int], str] | None = None
) -> list[tuple[int, int, str]]:
    """Text of a run of instructions: (address, length in bytes, text) each.

    Where a branch, jump or call goes is an address.

    Args:
        code: bytes of the guest's instructions.
        address: guest address of the first.
        symbol_at: gives the symbol at an address, or "": it is put behind each such address, as
            `<name+0x10>`. `RunInfo.symbol_at` is one.
    """
    return disassemble_absolute(guest_isa().code, code, Virtual(address), symbol_at)
