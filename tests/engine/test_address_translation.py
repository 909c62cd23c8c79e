"""Native address translation against its definition, on random page tables and protection."""

import mmap
import random
from dataclasses import dataclass

import numpy as np
import pytest

from mttcg.engine.base import AccessRefused
from mttcg.engine.llvm.address_rows import DATA_MASK, DATA_SHIFT, DISTANCE, READ_TAG, WRITE_TAG
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.address_translation import AddressTranslation
from mttcg.engine.llvm.interpreter.plain_ram import ram_words
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.interpreted import INTERPRETED
from mttcg.isa.riscv64 import translation as definition
from mttcg.isa.riscv64.csr import CSRS
from mttcg.isa.riscv64.hart_words import ARITHMETIC, HartWords, StoppedClock
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.protection import READ, WRITE, allows, open_to_all
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import MSTATUS_MPRV, MSTATUS_MXR, MSTATUS_SUM
from mttcg.isa.riscv64.translation import AccessKind, TranslationRefused
from mttcg.isa.system import Effect, MemoryFault
from mttcg.memory.address import Physical, PhysicalPage, Virtual
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.memory.page import PAGE
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import STATE_BYTES

BASE, PAGES = Physical(0x8000_0000), 64
TABLES = 8
"""Pages at the start of RAM that have tables."""
DEVICE = PhysicalPage(40)
LEVELS = {8: 3, 9: 4, 10: 5}
LEAF, POINTER = definition.READABLE, 0
SIZES = (1, 2, 4, 8)


@dataclass
class Bench:
    """A hart, its RAM, and what translates natively for it."""

    def __post_init__(self) -> None:
        self.state = mmap.mmap(-1, STATE_BYTES)
        self.hart = Hart(memoryview(self.state), 0)
        open_to_all(self.hart)
        self.buffer = memoryview(mmap.mmap(-1, PAGES * PAGE))
        self.ram = GuestRam(BASE, self.buffer)
        self.frame = np.zeros(Word.WORDS, dtype=np.uint64)
        for word, value in ram_words(Ram(BASE, PAGES * PAGE, (DEVICE,))).items():
            self.frame[word] = value
        self.pages = np.ones(PAGES, dtype=np.uint64)
        self.frame[Word.PAGES] = address_of_array(self.pages)
        native, hart = INTERPRETED.translation, address_of_buffer(self.hart.words)
        assert native is not None
        self.native = AddressTranslation(native, hart, self.frame, address_of_buffer(self.buffer))

    def read(self, address: Physical) -> int | None:
        return self.ram.read_word(address) if self.ram.range.holds(address, 8) else None

    def defined(
        self, address: int, size: int, access: AccessKind
    ) -> tuple[int | MemoryFault, dict[int, int]]:
        """What the definition says, with what it writes to tables."""
        written: dict[int, int] = {}
        try:
            found: int | MemoryFault = definition.translate(
                self.hart, address, size, access, self.read, written.__setitem__
            )
        except TranslationRefused as refused:
            found = refused.fault
        return found, written

    def natively(
        self, address: int, size: int, access: AccessKind
    ) -> tuple[int | MemoryFault, dict[int, int]]:
        """The same of native code; the tables are as before afterwards."""
        before = bytes(self.buffer[: TABLES * PAGE])
        self.native.drop()  # as protection may have changed
        if access is AccessKind.FETCH:
            self.native.enter()
            found: int | AccessRefused = self.native.fetch(Virtual(address))
        else:
            found = self.native.translate(Virtual(address), size, access is AccessKind.STORE)
        after = self.buffer[: TABLES * PAGE]
        old, new = (np.frombuffer(memory, dtype=np.uint64) for memory in (before, after))
        written = {BASE + 8 * int(n): int(new[n]) for n in np.flatnonzero(old != new)}
        self.buffer[: TABLES * PAGE] = before
        return (found.fault if isinstance(found, AccessRefused) else found), written


def write_csr(hart: Hart, name: str, value: int) -> Effect:
    """Write a register as csrw does."""
    words = HartWords(hart, StoppedClock())
    csr = next(csr for csr in CSRS.values() if csr.name == name)
    assert csr.write is not None
    csr.write(ARITHMETIC, words, value)
    return words.effect


def fill_tables(bench: Bench, source: random.Random) -> None:
    """Entries of all kinds, most of which lead somewhere."""
    for place in range(TABLES * PAGE // 8):
        page = source.randrange(TABLES if source.random() < 0.6 else PAGES)
        number = (BASE >> 12) + page
        flags = source.getrandbits(8) | definition.VALID * (source.random() < 0.95)
        if source.random() < 0.5:
            flags &= ~(0xFE if source.random() < 0.8 else 0xE)
        if source.random() < 0.2:
            number = number >> 9 << 9
        entry = number << 10 | flags
        if source.random() < 0.03:
            entry |= 1 << source.randrange(54, 64)
        bench.ram.write_word(Physical(BASE + 8 * place), entry)


def choose_protection(bench: Bench, source: random.Random) -> None:
    """Often everything, seldom nothing, else ranges that end within pages."""
    hart = bench.hart
    write_csr(hart, "pmpcfg0", 0)
    drawn = source.random()
    if drawn < 0.6:
        if drawn > 0.05:
            open_to_all(hart)
        return
    for entry in range(6):
        address = (BASE >> 2) + source.randrange(PAGES * PAGE // 4)
        if source.random() < 0.5:
            address |= (1 << source.randrange(1, 16)) - 1
        write_csr(hart, f"pmpaddr{entry}", address)
    everything = (1 << 54) - 1
    write_csr(hart, "pmpaddr6", everything)
    kinds = [source.getrandbits(8) & 0x9F for _ in range(6)]
    write_csr(hart, "pmpcfg0", int.from_bytes(bytes([*kinds, 0x0F, 0]), "little"))


def choose_hart(bench: Bench, source: random.Random) -> None:
    """A level, a mode, and bits of mstatus."""
    hart = bench.hart
    hart.privilege = source.choice((USER, SUPERVISOR, SUPERVISOR, MACHINE))
    bits = (MSTATUS_SUM, MSTATUS_MXR, MSTATUS_MPRV)
    hart.mstatus = sum(bit for bit in bits if source.random() < 0.4)
    hart.mstatus |= source.choice((USER, SUPERVISOR, MACHINE)) << 11
    mode = source.choice((0, 8, 8, 9, 10))
    hart.satp = mode << 60 | (BASE >> 12) + source.randrange(TABLES)


def choose_address(bench: Bench, source: random.Random) -> int:
    """One that is translated, more often than not; within a page for each size."""
    if bench.hart.satp >> 60 == 0 or source.random() < 0.1:
        address = BASE + source.randrange(-PAGE, (PAGES + 1) * PAGE)
    else:
        bits = 12 + 9 * LEVELS[bench.hart.satp >> 60]
        address = source.getrandbits(bits)
        if address >> bits - 1:
            address |= (1 << 64 - bits) - 1 << bits
        if source.random() < 0.05:
            address ^= 1 << source.randrange(bits, 64)
    return address & ~7


@pytest.mark.parametrize("seed", range(6))
def test_native_code_translates_as_the_definition(seed: int) -> None:
    source, bench = random.Random(seed), Bench()
    outcomes = set()
    fill_tables(bench, source)
    for _ in range(1500):
        if source.random() < 0.2:
            write_csr(bench.hart, "pmpcfg0", 0)
            bench.hart.pmpcfg0 = 0  # what is locked stays until a reset
            choose_protection(bench, source)
        choose_hart(bench, source)
        access = source.choice(tuple(AccessKind))
        address, size = choose_address(bench, source), source.choice(SIZES)
        if access is AccessKind.FETCH:
            size = 2
        expected = bench.defined(address, size, access)
        found, written = bench.natively(address, size, access)
        physical = expected[0]
        is_ram = isinstance(physical, int) and bench.ram.range.holds(Physical(physical))
        if access is AccessKind.FETCH and isinstance(physical, int) and not is_ram:
            physical, expected = MemoryFault.FETCH, (MemoryFault.FETCH, expected[1])
        assert (found, written) == expected, (hex(address), size, access)
        outcomes.add(physical if not isinstance(physical, int) else "translated")
    assert len(outcomes) == 7


@pytest.mark.parametrize("seed", range(3))
def test_rows_allow_no_more_than_protection_and_tables(seed: int) -> None:
    source, bench = random.Random(seed), Bench()
    fill_tables(bench, source)
    filled = 0
    for _ in range(1500):
        bench.hart.pmpcfg0 = 0
        choose_protection(bench, source)
        choose_hart(bench, source)
        bench.native.drop()
        address = choose_address(bench, source)
        bench.native.translate(Virtual(address), 8, source.random() < 0.5)
        row = (int(bench.frame[Word.DATA_ROWS]) - int(bench.frame[Word.TABLES])) // 8
        row += (address >> DATA_SHIFT & DATA_MASK) // 8
        words = memoryview(bench.native.tables).cast("Q")
        for tag, access in ((READ_TAG, AccessKind.LOAD), (WRITE_TAG, AccessKind.STORE)):
            if words[row + tag // 8]:
                filled += 1
                assert words[row + tag // 8] == address | PAGE - 1
                physical, written = bench.defined(address, 8, access)
                assert physical == address + words[row + DISTANCE // 8] & (1 << 64) - 1
                assert isinstance(physical, int)
                assert not written  # A and D were set, else stores would pass by
                asked, level = READ, definition.effective_privilege(bench.hart, access)
                asked = WRITE if access is AccessKind.STORE else READ
                assert allows(bench.hart, physical & -PAGE, PAGE, asked, level)
                assert bench.ram.range.page_of(Physical(physical)) != DEVICE
    assert filled > 100


def test_a_fence_of_an_address_drops_its_row_and_all_of_a_larger_page() -> None:
    bench = Bench()
    root, hart = BASE, bench.hart
    bench.ram.write_word(Physical(root + 8 * 2), (BASE >> 12) << 10 | 0xCF)  # 1 GiB
    bench.ram.write_word(Physical(root), ((BASE >> 12) + 1) << 10 | 1)
    bench.ram.write_word(Physical(BASE + PAGE), ((BASE >> 12) + 2) << 10 | 1)
    for page in (3, 4):
        bench.ram.write_word(
            Physical(BASE + 2 * PAGE + 8 * page), ((BASE >> 12) + page) << 10 | 0xCF
        )
    hart.privilege, hart.satp = SUPERVISOR, 8 << 60 | root >> 12
    large = 2 << 30 | 5 * PAGE

    def has_row(address: int) -> bool:
        row = (int(bench.frame[Word.DATA_ROWS]) - int(bench.frame[Word.TABLES])) // 8
        row += (address >> DATA_SHIFT & DATA_MASK) // 8
        return memoryview(bench.native.tables).cast("Q")[row] == address | PAGE - 1

    def fill() -> None:
        for address in (3 * PAGE, 4 * PAGE, large):
            assert isinstance(bench.native.translate(Virtual(address), 8, False), int)
            assert has_row(address)

    fill()
    fence = bench.native.fence_address
    fence(Virtual(3 * PAGE + 8))
    assert [has_row(address) for address in (3 * PAGE, 4 * PAGE, large)] == [False, True, True]
    fill()
    fence(Virtual(2 << 30))  # of another page of the same leaf
    assert not has_row(large)


class Recorded(HartWords):
    """Notes in which order a hart does what concerns all of it."""

    def __init__(self, hart: Hart) -> None:
        super().__init__(hart, StoppedClock())
        self.order: list[str] = []

    def fetch_again(self) -> None:
        self.order.append("fetch")

    def write_state(self, field: str, value: int, number: int = 0) -> None:
        self.order.append(field)
        super().write_state(field, value, number)


def test_code_is_fetched_anew_when_satp_is_written() -> None:
    """As xv6 loads programs into pages that had others, and runs no fence.i."""
    words = Recorded(Bench().hart)
    write = definition.SATP.write
    assert write is not None
    write(ARITHMETIC, words, 8 << 60 | 1)
    # before anything is written: the whole instruction may be left to the host for it
    assert words.order == ["fetch", "satp"]


def test_a_mode_that_there_is_not_leaves_satp_alone() -> None:
    bench = Bench()
    value = 9 << 60 | 0xABCD << 44 | 0x123
    assert write_csr(bench.hart, "satp", value) is Effect.TRANSLATIONS
    for mode in (1, 7, 11, 15):
        write_csr(bench.hart, "satp", mode << 60 | 1)
        assert bench.hart.satp == value
    write_csr(bench.hart, "satp", 0)
    assert bench.hart.satp == 0
