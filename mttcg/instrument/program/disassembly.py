"""Guest code as text, for reports."""

from mttcg.isa.registry import DEFAULT, isa_named


def disassemble(code: bytes, address: int) -> list[tuple[int, int, str]]:
    """Text of a run of instructions: (address, length in bytes, text) each.

    Args:
        code: bytes of the guest's instructions.
        address: guest address of the first.
    """
    return isa_named(DEFAULT).code.disassemble(code, address)
