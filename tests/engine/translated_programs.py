"""Random programs under address translation, and what the definition says they do.

A program goes through pages of an address space that has all kinds of them, by accesses near their
ends, by loops that walk over them or look into a table, and by atomics; it changes their entries,
and what status says. Its code is at two places, for a supervisor and for a user. Where an
instruction traps, it goes on behind that.
"""

import random
from dataclasses import dataclass, field

from test_interpreter import ECALL, word

from mttcg.isa.interpreted_memory import Faulted, InterpretedMemory
from mttcg.isa.operations import Amo
from mttcg.isa.riscv64 import translation
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.hart_words import HartInterpreter, HartWords, StoppedClock
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import MSTATUS_MPP, MSTATUS_MPRV, MSTATUS_MXR, MSTATUS_SUM
from mttcg.isa.riscv64.translation import AccessKind, TranslationRefused
from mttcg.isa.system import MemoryFault, Trap
from mttcg.memory.address import Physical, Virtual
from mttcg.memory.page import PAGE
from mttcg.memory.ram import GuestRam
from mttcg.state.words import MASK

BASE, PAGES = Physical(0x8000_0000), 64
ROOTS, MIDDLE, DATA_TABLES, CODE_MIDDLE, CODE_TABLE, HANDLER_PAGE = (0, 1), (2, 3), (4, 5), 6, 7, 8
"""Pages of RAM: tables, of which code has one and data one for each root; where traps go."""
CODE, DATA = (13, 9), range(40, 64)
"""The pages that have code, in the order in which it runs, and those that have data."""
HANDLER = Virtual(BASE + PAGE * HANDLER_PAGE)
WINDOW = 1 << 30
"""Where a space has pages of data, and behind them one large page with all of RAM."""
LARGE = WINDOW + (1 << 21)
SEEN_AT = {SUPERVISOR: 3 << 30, USER: (3 << 30) + 8 * PAGE, MACHINE: BASE + PAGE * 9}
"""Where a level sees code: the lower ones the same pages, in another order than they have."""
MAPPED, TABLE_AT = 24, 30
"""Pages of the window that may have something, and where it has the table with their entries."""
VALUES, POINTERS, PLACES = range(5, 14), range(16, 20), range(20, 26)
"""Registers: for values, addresses that move, and addresses that stay."""
ENTRY, SCRATCH, SPACE, TABLE, SPACES, COUNT = 14, 15, 27, 28, (29, 30), 31
SSTATUS, MSTATUS, SATP = 0x100, 0x300, 0x180
CSRRW, CSRRS, CSRRC = 1, 2, 3
UNITS = 90
LOADS = ("lb", "lbu", "lh", "lhu", "lw", "lwu", "ld", "ld")
STORES = ("sb", "sh", "sw", "sd", "sd")
ATOMICS = ("amoadd.w", "amoswap.d", "amomax.w", "amoand.d", "lr.w", "lr.d", "sc.w", "sc.d")
NEAR = (-16, -9, -8, -7, -4, -3, -2, -1, 0, 1, 4, 8, 24, 64, 120, 250)


@dataclass
class Start:
    """What a program starts from.

    Attributes:
        level: at which it runs.
        status: mstatus.
        memory: all of RAM, with tables and code.
    """

    level: int
    status: int
    registers: list[int]
    memory: bytearray
    satp: int
    protection: tuple[int, list[int]]
    pc: int


@dataclass
class Translated:
    """What a program did."""

    traps: list[tuple[int, int, int]] = field(default_factory=list)
    instructions: int = 0
    blocks: int = 0
    x: list[int] = field(default_factory=list)
    status: int = 0
    satp: int = 0
    memory: bytes = b""


def csr(operation: int, number: int, source: int) -> int:
    """A csrrw, csrrs or csrrc that tells nobody what was there."""
    return number << 20 | source << 15 | operation << 12 | 0x73


def _access(source: random.Random, pointer: int, loops: bool = False) -> list[int]:
    offset = source.choice(NEAR)
    value = source.choice(VALUES)
    kind = source.random()
    if kind < 0.5:
        return [word(source.choice(LOADS), value, pointer, immediate=offset)]
    if kind < 0.85 or loops:
        name = source.choice(STORES)
        return [word(name, rs1=pointer, rs2=value, immediate=offset)]
    aligned = word("andi", SCRATCH, pointer, immediate=-source.choice((4, 8, 8)))
    names = source.sample(ATOMICS, source.randrange(1, 3))
    if source.random() < 0.5:
        names = source.choice([["lr.w", "sc.w"], ["lr.d", "sc.d"]])
    atomics = [
        word(name, source.choice(VALUES), SCRATCH, 0 if name.startswith("lr") else value)
        for name in names
    ]
    return [aligned, *atomics]


def _loop(source: random.Random) -> list[int]:
    shape = source.random()
    if shape < 0.5:
        return _short_loop(source)
    if shape < 0.7:
        return _walk(source)
    if shape < 0.85:
        return _table_loop(source)
    return _changing_loop(source)


def _round(source: random.Random, start: list[int], body: list[int], rounds: int) -> list[int]:
    """A loop of several rounds behind a start; the body leaves COUNT as it is."""
    body = [*body, word("addi", COUNT, COUNT, immediate=-1)]
    again = word("bne", rs1=COUNT, rs2=0, immediate=-4 * len(body))
    return [*start, word("addi", COUNT, immediate=rounds), *body, again]


def _walk(source: random.Random) -> list[int]:
    """Over some pages, by one pointer or two; mostly a few blocks, some of which are left out."""
    pointers = source.sample(POINTERS, source.randrange(1, 3))
    body: list[int] = []
    for pointer in pointers:
        some = _access(source, pointer, loops=True)
        if source.random() < 0.7:
            left_out = word("beq", rs1=source.choice(VALUES), rs2=0, immediate=4 + 4 * len(some))
            body += [left_out, *some]
        body += _access(source, pointer, loops=True)
        step = source.choice((8, 64, 128, 256, 264, -64, -256, 1000))
        body.append(word("addi", pointer, pointer, immediate=step))
    start = [_set(source, pointer) for pointer in pointers]
    return _round(source, start, body, source.choice((12, 24)))


def _table_loop(source: random.Random) -> list[int]:
    """At places of a table that it computes, or a variable step apart."""
    pointer, place = source.choice(POINTERS), source.choice(PLACES)
    value = source.choice(VALUES)
    mask = source.choice((0xFF, 0x7F8, 0x7F8))
    body = [
        word("andi", SCRATCH, value, immediate=mask),
        word("add", SCRATCH, SCRATCH, source.choice((place, pointer, pointer))),
        *_access(source, SCRATCH, loops=True),
        word("addi", value, value, immediate=source.choice((8, 31, 129))),
    ]
    if source.random() < 0.5:
        body += [word("add", pointer, pointer, value), *_access(source, pointer, loops=True)]
    start = [_set(source, pointer), word("andi", value, value, immediate=0x3FF)]
    return _round(source, start, body, source.choice((9, 17)))


def _changing_loop(source: random.Random) -> list[int]:
    """Along a page whose entry changes in each round."""
    pointer, at = source.choice(POINTERS), source.choice(PLACES)
    body = [
        *_access(source, pointer, loops=True),
        *_access(source, at, loops=True),
        *_change_entry(source),
        *_access(source, pointer, loops=True),
        word("addi", pointer, pointer, immediate=source.choice((8, 64, 1000))),
    ]
    return _round(source, [_set(source, pointer)], body, source.choice((4, 9)))


def _short_loop(source: random.Random) -> list[int]:
    pointer = source.choice(POINTERS)
    body = [
        one for _ in range(source.randrange(1, 5)) for one in _access(source, pointer, loops=True)
    ]
    if source.random() < 0.2:
        body += _access(source, source.choice(POINTERS))
    step = source.choice((1, 2, 4, 8, 8, 16, 64, -8, -24, 200))
    body += [word("addi", pointer, pointer, immediate=step)]
    body += [word("addi", COUNT, COUNT, immediate=-1)]
    again = word("bne", rs1=COUNT, rs2=0, immediate=-4 * len(body))
    rounds = source.choice((2, 5, 9, 19))
    return [_set(source, pointer), word("addi", COUNT, immediate=rounds), *body, again]


def _set(source: random.Random, pointer: int) -> int:
    return word("addi", pointer, source.choice(PLACES), immediate=source.randrange(-70, 70))


def _change_entry(source: random.Random) -> list[int]:
    """Change a bit of an entry, and drop what is known of its address."""
    page = source.randrange(MAPPED)
    bit = source.choice((1, 2, 4, 8, 16, 64, 128, 128))
    changed = [
        word("ld", ENTRY, TABLE, immediate=8 * page),
        word("xori", ENTRY, ENTRY, immediate=bit),
        word("sd", rs1=TABLE, rs2=ENTRY, immediate=8 * page),
    ]
    if source.random() < 0.3:
        return [*changed, word("sfence.vma")]
    place = [word("lui", SCRATCH, immediate=page << 12), word("add", SCRATCH, SCRATCH, SPACE)]
    return [*changed, *place, word("sfence.vma", rs1=SCRATCH)]


def _change_large(source: random.Random) -> list[int]:
    """The same of the large page, by another address in it."""
    distance = word("lui", SCRATCH, immediate=PAGE * source.randrange(1, 60))
    large = word("lui", COUNT, immediate=1 << 21)
    at = [large, word("add", SCRATCH, SCRATCH, COUNT), word("add", SCRATCH, SCRATCH, SPACE)]
    up = word("lui", ENTRY, immediate=PAGE)
    entry = [up, word("add", COUNT, TABLE, ENTRY)]
    changed = [
        word("ld", ENTRY, COUNT, immediate=8),
        word("xori", ENTRY, ENTRY, immediate=source.choice((1, 4, 16, 128))),
        word("sd", rs1=COUNT, rs2=ENTRY, immediate=8),
    ]
    return [*entry, *changed, distance, *at, word("sfence.vma", rs1=SCRATCH)]


def _change_status(source: random.Random, level: int) -> list[int]:
    bits = [MSTATUS_SUM, MSTATUS_MXR, MSTATUS_SUM | MSTATUS_MXR]
    register = MSTATUS if level == MACHINE else SSTATUS
    upper = word("lui", SCRATCH, immediate=source.choice(bits))
    if level == MACHINE and source.random() < 0.3:
        upper = word("lui", SCRATCH, immediate=MSTATUS_MPRV)
    return [upper, csr(source.choice((CSRRS, CSRRC)), register, SCRATCH)]


def _unit(source: random.Random, level: int) -> list[int]:
    kind = source.random()
    if kind < 0.3:
        return _loop(source)
    if kind < 0.65:
        return _access(source, source.choice(POINTERS))
    if kind < 0.75:
        return [_set(source, source.choice(POINTERS))]
    if kind < 0.83:
        return _change_status(source, level)
    if kind < 0.9:
        return _change_entry(source)
    if kind < 0.93:
        return _change_large(source)
    if kind < 0.96:
        return [csr(CSRRW, SATP, source.choice(SPACES))]
    skipped = _access(source, source.choice(POINTERS))
    taken = word(source.choice(("beq", "bne", "blt")), rs1=8, rs2=9, immediate=4 + 4 * len(skipped))
    return [taken, *skipped]


def program(source: random.Random, level: int) -> list[int]:
    """Instructions; nothing of a loop lies on either side of a page's end."""
    words: list[int] = []
    for _ in range(UNITS):
        unit = _unit(source, level)
        left = PAGE // 4 - len(words) % (PAGE // 4)
        if left < len(unit):
            words += [word("addi")] * left
        if len(words) + len(unit) < 2 * PAGE // 4 - 1:
            words += unit
        if source.random() < 0.02:  # as a program is shorter than a page
            words += [word("addi")] * source.randrange(100)
    return [*words[: 2 * PAGE // 4 - 1], ECALL]


def _entry(page: int, flags: int) -> int:
    return (BASE // PAGE + page) << 10 | flags


def _put(memory: bytearray, page: int, number: int, entry: int) -> None:
    at = PAGE * page + 8 * number
    memory[at : at + 8] = entry.to_bytes(8, "little")


KINDS = (0xC7, 0xC7, 0xC7, 0x47, 0x07, 0x43, 0xC3, 0xC9, 0xCF, 0xCB, 0, 0, 0xC5)
"""Flags of entries of data: all that may be without U."""


def fill_tables(source: random.Random, memory: bytearray) -> None:
    """Two spaces, which differ in what data they have."""
    for number in (0, 1):
        _put(memory, ROOTS[number], 1, _entry(MIDDLE[number], 1))
        _put(memory, ROOTS[number], 3, _entry(CODE_MIDDLE, 1))
        _put(memory, MIDDLE[number], 0, _entry(DATA_TABLES[number], 1))
        _put(memory, MIDDLE[number], 1, _entry(0, source.choice((0xC7, 0x47, 0xD7, 0xC3))))
        for page in range(MAPPED):
            flags = source.choice(KINDS) | translation.OF_USER * (source.random() < 0.5)
            _put(memory, DATA_TABLES[number], page, _entry(source.choice(DATA), flags))
        for place, page in enumerate((DATA_TABLES[number], MIDDLE[number])):
            _put(memory, DATA_TABLES[number], TABLE_AT + place, _entry(page, 0xC7))
    _put(memory, CODE_MIDDLE, 0, _entry(CODE_TABLE, 1))
    for number, page in enumerate(CODE):
        _put(memory, CODE_TABLE, number, _entry(page, 0xCB))
        _put(memory, CODE_TABLE, 8 + number, _entry(page, 0xDB))


def choose_protection(source: random.Random) -> tuple[int, list[int]]:
    """All is open, or some data are less so, also within pages: pmpcfg0, and addresses."""
    everything = (1 << 54) - 1
    if source.random() < 0.5:
        return 0x1F, [everything]
    addresses, kinds = [], []
    for _ in range(3):
        at = BASE + PAGE * DATA[0] + source.randrange(0, PAGE * len(DATA), 8)
        if source.random() < 0.5:
            at &= -PAGE
        addresses += [at >> 2, at + source.choice((8, 256, PAGE, 2 * PAGE)) >> 2]
        kinds += [0, 0x08 | source.choice((0, 1, 1, 3, 7))]
    kinds.append(0x1F)
    return int.from_bytes(bytes(kinds), "little"), [*addresses, everything]


def start(source: random.Random, words: list[int], level: int) -> Start:
    """A state to start from; at machine level, accesses are made as a lower one makes them."""
    memory = bytearray(PAGE * PAGES)
    memory[PAGE * DATA[0] :] = source.randbytes(PAGE * len(DATA))
    fill_tables(source, memory)
    code = b"".join(one.to_bytes(4, "little") for one in words)
    pages = (CODE[1], CODE[1] + 1) if level == MACHINE else CODE
    for number, page in enumerate(pages):
        part = code[PAGE * number : PAGE * (number + 1)]
        memory[PAGE * page : PAGE * page + len(part)] = part
    status = sum(bit for bit in (MSTATUS_SUM, MSTATUS_MXR) if source.random() < 0.5)
    if level == MACHINE:
        status |= MSTATUS_MPRV | source.choice((USER, SUPERVISOR)) << 11
    spaces = [translation.FIRST_MODE << 60 | BASE // PAGE + root for root in ROOTS]
    registers = [source.getrandbits(64) for _ in range(32)]
    for register in (*POINTERS, *PLACES):
        registers[register] = WINDOW + PAGE * source.randrange(MAPPED + 1)
        if source.random() < 0.2:
            registers[register] = WINDOW + (1 << 21) + PAGE * source.choice([*DATA, PAGES])
    registers[0], registers[SPACE], registers[TABLE] = 0, WINDOW, WINDOW + PAGE * TABLE_AT
    for register, space in zip(SPACES, spaces, strict=True):
        registers[register] = space
    protection = choose_protection(source)
    return Start(level, status, registers, memory, spaces[0], protection, SEEN_AT[level])


def set_up(hart: Hart, begin: Start) -> None:
    """Put a hart into a state; general registers are its engine's."""
    hart.privilege, hart.mstatus, hart.satp = begin.level, begin.status, begin.satp
    hart.pc, hart.mtvec = Virtual(begin.pc), HANDLER
    hart.pmpcfg0, addresses = begin.protection
    for number, address in enumerate(addresses):
        hart.pmpaddr[number] = address


def go_on(hart: Hart, begin: Start) -> None:
    """Go on behind an instruction that trapped, at the level at which it did."""
    hart.pc, hart.privilege = Virtual(hart.mepc + 4), begin.level
    hart.mstatus = hart.mstatus & ~MSTATUS_MPP | begin.status & MSTATUS_MPP


@dataclass(kw_only=True)
class Definition(HartInterpreter):
    """The definition, with the definition of translation before each access."""

    def _find(self, address: int, size: int, access: AccessKind) -> list[tuple[Physical, int]]:
        """The places of an access, one in each page."""
        inside = min(PAGE - address % PAGE, size)
        parts = [(address, inside), (address + inside, size - inside)]
        return [(self._translate(*part, access), part[1]) for part in parts if part[1]]

    def _translate(self, address: int, size: int, access: AccessKind) -> Physical:
        ram = GuestRam(BASE, memoryview(self.memory))

        def read(place: Physical) -> int | None:
            return ram.read_word(place) if ram.range.holds(place, 8) else None

        def update(place: int, entry: int) -> None:
            ram.write_word(Physical(place), entry)

        hart = self.words.hart
        try:
            return Physical(translation.translate(hart, address, size, access, read, update))
        except TranslationRefused as refused:
            raise Faulted(refused.fault, address) from None

    def _places(self, address: int, size: int, access: AccessKind) -> list[int]:
        """Where each byte is in memory."""
        found = [
            place - BASE + number
            for place, length in self._find(address & MASK, size, access)
            for number in range(length)
        ]
        if not all(0 <= at < len(self.memory) for at in found):
            raise Faulted(translation.ACCESS_FAULTS[access], address & MASK)
        return found

    def load(self, address: int, size: int) -> int:
        """See Operations."""
        places = self._places(address, size, AccessKind.LOAD)
        return int.from_bytes(bytes(self.memory[at] for at in places), "little")

    def store(self, address: int, size: int, value: int) -> None:
        """See Operations."""
        places = self._places(address, size, AccessKind.STORE)
        low = value & (1 << 8 * size) - 1
        for at, byte in zip(places, low.to_bytes(size, "little"), strict=True):
            self.memory[at] = byte

    def load_reserved(self, address: int, size: int) -> int:
        """See Operations. What is reserved is physical memory."""
        _align(address, size, MemoryFault.LOAD_MISALIGNED)
        value = self.load(address, size)
        self.reservation = self._places(address, size, AccessKind.LOAD)[0], value
        return value

    def store_conditional(self, address: int, size: int, value: int) -> int:
        """See Operations."""
        _align(address, size, MemoryFault.STORE_MISALIGNED)
        place = self._places(address, size, AccessKind.STORE)[0]
        reservation, self.reservation = self.reservation, None
        if reservation is None or reservation[0] != place:
            return 1
        if self.load(address, size) != reservation[1] & (1 << 8 * size) - 1:
            return 1
        self.store(address, size, value)
        return 0

    def amo(self, operation: Amo, address: int, size: int, value: int) -> int:
        """See Operations."""
        _align(address, size, MemoryFault.STORE_MISALIGNED)
        place = BASE + self._places(address, size, AccessKind.STORE)[0]
        return InterpretedMemory(self.memory, BASE).amo(operation, place, size, value)

    def fetch(self) -> int:
        """The instruction at pc."""
        place = self._translate(self.pc, 4, AccessKind.FETCH) - BASE
        return int.from_bytes(self.memory[place : place + 4], "little")


def _align(address: int, size: int, fault: MemoryFault) -> None:
    if address % size:
        raise Faulted(fault, address)


def define(hart: Hart, begin: Start, end: int) -> Translated:
    """What the definition says of a program, on a hart that it changes."""
    set_up(hart, begin)
    words, found = HartWords(hart, StoppedClock()), Translated()
    memory = bytearray(begin.memory)
    by = Definition(memory, pc=begin.pc, x=[*begin.registers], words=words)
    ended = True
    while True:
        hart.pc, words.word = by.pc, by.fetch()
        found.blocks += ended or by.pc % PAGE == 0
        ended = facts(words.word).kind.ends_block
        outcome = by.step(words.word)
        if outcome is None:
            found.instructions += 1
            continue
        assert isinstance(outcome, Trap)
        found.traps.append((outcome.cause, outcome.pc, outcome.value))
        if by.pc == end:
            break
        ended, by.pc = True, Virtual(by.pc + 4)
    found.x, found.memory = by.x, bytes(memory)
    found.status, found.satp = hart.mstatus & ~MSTATUS_MPP, hart.satp
    return found
