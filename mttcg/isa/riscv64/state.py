"""The architectural part of a hart's state: one table of where its registers lie."""

from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import MASK, AddressField, WordField, WordsField, offsets_of

MACHINE_MODE = 3
"""The mode under which translations of code are kept; there is no address translation in it."""
NO_RESERVATION = (1 << 64) - 1


class Hart(VcpuState):
    """One hart's state in the shared segment.

    Registers and CSRs are those of the last time that the vCPU left translated code.
    """

    x = WordsField(0, 32)
    f = WordsField(256, 32)
    fcsr = WordField(520)
    misa = WordField(528)
    """Set before the start, by what the engine has."""
    mstatus = WordField(536)
    mie = WordField(544)
    mtvec = WordField(552)
    mscratch = WordField(560)
    mepc = AddressField(568)
    mcause = WordField(576)
    mtval = WordField(584)
    mcounteren = WordField(592)
    mcountinhibit = WordField(600)
    mcycle_base = WordField(608)
    """What `instructions` was when mcycle was 0; for minstret likewise."""
    minstret_base = WordField(616)
    reservation = WordField(624)
    """Physical address of the last LR, or NO_RESERVATION."""
    reservation_value = WordField(632)
    """What it read there."""
    mhartid = WordField(640)
    """Set before the start."""
    privilege = WordField(648)
    """The level at which the hart runs, see `privilege`."""
    medeleg = WordField(656)
    mideleg = WordField(664)
    mip_written = WordField(672)
    """The bits of mip that software wrote."""
    menvcfg = WordField(680)
    stvec = WordField(688)
    scounteren = WordField(696)
    senvcfg = WordField(704)
    sscratch = WordField(712)
    sepc = AddressField(720)
    scause = WordField(728)
    stval = WordField(736)
    stimecmp = WordField(744)
    satp = WordField(752)
    pmpcfg0 = WordField(760)
    """Eight bytes of configuration, of the first eight entries; pmpcfg2 has those of the others."""
    pmpcfg2 = WordField(768)
    pmpaddr = WordsField(776, 16)
    firmware = WordField(1016)
    """1 if the host answers environment calls from supervisor mode; set before the start."""

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; x0 stays zero."""
        if register:
            self.x[register] = value & MASK


OFFSET = offsets_of(Hart)
"""Byte offset of each field; native code has no other source for them."""
