"""Guest code as text, for reports."""


def disassemble(code: bytes, address: int) -> list[tuple[int, int, str]]:
    """Text of a run of instructions: (address, length in bytes, text) each.

    Args:
        code: bytes of the guest's instructions.
        address: guest address of the first.
    """
    from mttcg.isa.riscv64 import decode  # loads numpy and capstone

    return decode.disassemble(code, address)
