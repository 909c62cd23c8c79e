"""The instructions of RV64GC with Zba, Zbb and Zbs, as the rest of the project asks for them."""

from collections.abc import Iterable

from mttcg.isa.code import Missing
from mttcg.isa.riscv64.decode import disassemble
from mttcg.isa.riscv64.encoding import length


def missing(word: int, extensions: Iterable[str]) -> Missing | None:
    """The instruction or CSR that a hart with these extensions lacks; None if there is none."""
    from mttcg.isa.riscv64.absent.lookup import absent  # long tables, which few guests need

    return absent(word, tuple(extensions))


class Rv64Code:
    """See `isa.code.Code`."""

    length = staticmethod(length)
    disassemble = staticmethod(disassemble)
    missing = staticmethod(missing)
