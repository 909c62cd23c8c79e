"""Guest code as text, for reports."""

from mttcg.instrument.program.guest_isa import guest_isa


def disassemble(code: bytes, address: int) -> list[tuple[int, int, str]]:
    """Text of a run of instructions: (address, length in bytes, text) each.

    Args:
        code: bytes of the guest's instructions.
        address: guest address of the first.
    """
    return guest_isa().code.disassemble(code, address)
