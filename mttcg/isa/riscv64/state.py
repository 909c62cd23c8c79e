"""The architectural part of a hart's state: one table of where its registers lie."""

from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import MASK, AddressWord, Word, Words, offsets_of

MACHINE_MODE = 3
"""The mode under which translations are kept: the privilege, as the privileged specification codes
it (section 1.2); there is no address translation in it."""
NO_RESERVATION = (1 << 64) - 1


class Hart(VcpuState):
    """One hart's state in the shared segment.

    Registers and CSRs are those of the last time that the vCPU left translated code.
    """

    x = Words(0, 32)
    f = Words(256, 32)
    fcsr = Word(520)
    misa = Word(528)
    """Set before the start, by what the engine has."""
    mstatus = Word(536)
    mie = Word(544)
    mtvec = Word(552)
    mscratch = Word(560)
    mepc = AddressWord(568)
    mcause = Word(576)
    mtval = Word(584)
    mcounteren = Word(592)
    mcountinhibit = Word(600)
    mcycle_base = Word(608)
    """What `instructions` was when mcycle was 0; for minstret likewise."""
    minstret_base = Word(616)
    reservation = Word(624)
    """Address of the last LR, or NO_RESERVATION."""
    reservation_value = Word(632)
    """What it read there."""

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; x0 stays zero."""
        if register:
            self.x[register] = value & MASK


OFFSET = offsets_of(Hart)
"""Byte offset of each field; native code has no other source for them."""
