"""fmin and fmax, which Unicorn gets wrong, by their definition."""

from mttcg.engine.unicorn.riscv64.left_to_host import is_extreme
from mttcg.isa.riscv64.interpreter import compute
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.system import float_enabled
from mttcg.memory.address import Virtual

BOX = 0xFFFF_FFFF << 32
"""The upper half of a single in a register (Unprivileged ISA 21.2)."""


def is_computed(hart: Hart, word: int) -> bool:
    """Whether an instruction that Unicorn came back for is to be computed."""
    return is_extreme(word) and float_enabled(hart)


def compute_extreme(hart: Hart, word: int) -> Virtual:
    """Run fmin or fmax at the state's pc, over the state; the pc behind it.

    Unicorn does not NaN-box singles: what is in the low half counts as one here, too.
    """
    single = word >> 25 & 3 == 0
    given = {register: hart.f[register] for register in (word >> 15 & 31, word >> 20 & 31)}
    for register in given if single else ():
        hart.f[register] |= BOX
    behind = compute(hart, word)
    for register in given.keys() - {word >> 7 & 31}:
        hart.f[register] = given[register]
    return behind
