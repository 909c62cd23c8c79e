"""Random programs over the whole instruction table, and what the definition says they do.

A program is straight code with forward branches and jumps, and backward branches that x31 bounds;
it ends in an ecall. Loads, stores and atomics are based on x2 and x8, which point into DATA, or on
x9, which may be odd or near the end of RAM. Nothing writes those registers, so that programs seldom
fault; but they may.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from mttcg.isa.interpreted_memory import LeftInstruction
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.table.decode import BY_NAME, ROWS, decode
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Trap
from mttcg.isa.table.layout import Field
from mttcg.isa.table.row import Row

BASE, SIZE, PAGE = 0x8000_0000, 0x8000, 4096
CODE, CODE_END = BASE, BASE + 0x5000
DATA, DATA_END = BASE + 0x5000, BASE + SIZE
ECALL = 0x73
SP, POINTER, ODD_POINTER, LINK, BOUND = 2, 8, 9, 30, 31
KEPT = {SP, POINTER, ODD_POINTER, BOUND}
TO_HOST = {"ecall", "ebreak", "c.ebreak", "fence.i", "mret", "sret", "sfence.vma", "wfi"}
TO_HOST |= {"sinval.vma", "sfence.w.inval", "sfence.inval.ir"}
BRANCHES = [row for row in ROWS if row.layout in ("B", "CB")]
JUMPS = [row for row in ROWS if row.layout in ("J", "CJ")]
REGISTER_JUMPS = [BY_NAME[name] for name in ("jalr", "c.jr", "c.jalr")]
PLAIN = [
    row for row in ROWS if row.name not in TO_HOST and row not in BRANCHES + JUMPS + REGISTER_JUMPS
]
ODD = 0.05
"""How many of the accesses go by x9."""
STATES = 8
"""From how many states a program is started: translating it takes the most time."""
BOX = 0xFFFF_FFFF << 32
INTEGERS = (0, 1, 2, 31, 63, 64, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
SINGLES = (
    0,
    1 << 31,
    0x7F80_0000,
    0xFF80_0000,
    0x7FC0_0000,
    0x7F80_0001,
    1,
    0x80_0000,
    0x3F80_0000,
)
SINGLES += (0x7F7F_FFFF, 0xBF80_0000, 0x4F00_0000, 0xCF00_0000, 0x5F00_0000, 0x3F00_0000)
DOUBLES = (0, 1 << 63, 0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, (0x7FF0 << 48) + 1, 1, 1 << 52)
DOUBLES += (0x3FF0 << 48, 0xBFF0 << 48, (0x7FF0 << 48) - 1, 0x41E0 << 48, 0x43E0 << 48)


@dataclass(frozen=True, repr=False)
class Piece:
    """What a draw decides: an instruction, its free bits, and how far it goes if it jumps.

    Only branches go back.
    """

    row: Row
    free: int
    distance: int

    @property
    def ahead(self) -> int:
        """How many pieces ahead it jumps."""
        return self.distance if self.row in BRANCHES else abs(self.distance)

    def __repr__(self) -> str:
        """Short, for failures."""
        return f"Piece({self.row.name}, {self.free:#x}, {self.distance})"


@dataclass
class State:
    """What a program starts from."""

    x: list[int]
    f: list[int]
    fcsr: int
    data: bytes


@dataclass
class Program:
    """Code at an address, and the states that it is to be started from."""

    at: int
    words: dict[int, int]
    states: list[State]


@dataclass
class Ending:
    """What a program did: the state after it and what was counted and seen on the way.

    `accesses` are (pc, address, size, value, write), `blocks` those entered: (pc, instructions,
    bytes).
    """

    pc: int
    cause: int
    value: int
    x: list[int]
    f: list[int]
    fcsr: int
    data: bytes
    instructions: int
    blocks: list[tuple[int, ...]] = field(default_factory=list)
    executed: list[int] = field(default_factory=list)
    accesses: list[tuple[int, ...]] = field(default_factory=list)


def encoded(where: Field, value: int) -> int:
    """A value in the places of a field."""
    return sum((value >> to & (1 << width) - 1) << low for low, width, to in where.pieces)


def _set(word: int, where: Field, value: int) -> int:
    return word & ~where.mask | encoded(where, value - where.base)


def _away_from_kept(row: Row, word: int) -> int:
    """Another destination if it is a register that is to stay."""
    at = decode(word)
    if at is None or not row.syntax.startswith("rd"):
        return word
    pair = {at.rd, at.rd + 1} if row.name == "amocas.q" else {at.rd}
    if not pair & KEPT:
        return word
    top = max((low + width - 1 for low, width, _ in row.format.rd.pieces), default=None)
    return word if top is None else word ^ 1 << top


def _csr(row: Row, word: int, source: random.Random) -> int:
    """Let it be a floating-point CSR; the rounding mode mostly valid."""
    number = 1 + word % 3
    if number > 1 and source.random() < 0.9:
        if not row.name.endswith("i"):
            number = 1
        else:
            word = _set(word, row.format.rs1, source.randrange(5) << (0 if number == 2 else 5))
    return _set(word, row.format.immediate, number)


def _plain(piece: Piece, source: random.Random) -> list[int]:
    row = piece.row
    word = row.match | piece.free & ~row.mask & (1 << 8 * row.length) - 1
    if row.extension == "Zicsr":
        word = _csr(row, word, source)
    if "(rs1)" in row.syntax and row.format.rs1.pieces:
        pointer = source.choice((SP, POINTER)) if row.format.rs1.base == 0 else POINTER
        if source.random() < ODD:
            pointer = ODD_POINTER
        word = _set(word, row.format.rs1, pointer)
    if row.name == "c.addi16sp":
        at = decode(word)
        back = BY_NAME["addi"].format
        undo = BY_NAME["addi"].match | SP << 7 | SP << 15
        return [] if at is None else [word, undo | encoded(back.immediate, -at.immediate)]
    word = _away_from_kept(row, word)
    at = decode(word)
    return [word] if at is not None and at.row is row else []


Shape = tuple[list[int], Piece | None]
"""Words that stand, and the piece whose target is to be put into the last of them."""


def _shape(piece: Piece, source: random.Random) -> Shape:
    row = piece.row
    word = row.match | piece.free & ~row.mask & (1 << 8 * row.length) - 1
    if row in REGISTER_JUMPS:
        link = BY_NAME["auipc"].match | LINK << 7
        if row.name == "jalr":
            word = _away_from_kept(row, _set(word, row.format.rs1, LINK))
            return [link, word], piece
        forward = BY_NAME["addi"].match | LINK << 7 | LINK << 15
        return [link, forward, _set(word, row.format.rs1, LINK)], piece
    if row in BRANCHES and piece.distance < 0:
        count = BY_NAME["addi"].match | BOUND << 7 | BOUND << 15
        again = BY_NAME["blt"].match | BOUND << 20  # zero < x31
        return [count | encoded(BY_NAME["addi"].format.immediate, -1), again], piece
    if row in BRANCHES + JUMPS:
        word &= ~row.format.immediate.mask
        return [_away_from_kept(row, word)], piece
    return _plain(piece, source), None


def size_of(word: int) -> int:
    """Bytes of an instruction."""
    return 4 if word & 3 == 3 else 2


def _aim(words: list[int], piece: Piece, at: int, target: int) -> list[int]:
    """Put a target into the words that jump."""
    row = piece.row
    if row in REGISTER_JUMPS:
        place = 1  # jalr itself, or the addi before c.jr
        aimed = BY_NAME["jalr" if row.name == "jalr" else "addi"].format.immediate
        distance = target - at
    else:
        place = len(words) - 1
        aimed = (BY_NAME["blt"] if len(words) == 2 else row).format.immediate
        distance = target - at - sum(map(size_of, words[:place]))
    return [
        _set(word, aimed, distance) if number == place else word
        for number, word in enumerate(words)
    ]


def build(pieces: list[Piece], seed: int) -> Program:
    """Lay out a program; `seed` decides its place, the values it starts from, and small things."""
    source = random.Random(seed)
    shapes = [shape for piece in pieces if (shape := _shape(piece, source))[0]]
    at = source.choice((CODE, CODE + PAGE - 2 * source.randrange(1, 60), CODE + 2 * PAGE - 2))
    starts = [at]
    for words, _ in shapes:
        starts.append(starts[-1] + sum(map(size_of, words)))
    placed: dict[int, int] = {}
    for number, (words, piece) in enumerate(shapes):
        pc = starts[number]
        if piece is not None:
            goal = min(max(number + piece.ahead, 0), len(shapes))
            words = _aim(words, piece, pc, starts[goal])
        for word in words:
            placed[pc] = word
            pc += size_of(word)
    placed[starts[-1]] = ECALL
    return Program(at, placed, [_state(source) for _ in range(STATES)])


def _state(source: random.Random) -> State:
    x = [source.choice((source.choice(INTEGERS), source.getrandbits(64))) for _ in range(32)]
    x[0], x[SP], x[POINTER], x[BOUND] = 0, DATA + 0x1000, DATA + 0x1800, source.randrange(1, 6)
    x[ODD_POINTER] = source.choice((DATA + 0x801, DATA_END - 6, BASE - 2, BASE + SIZE + 64))
    f = [
        source.choice(
            (BOX | source.choice(SINGLES), source.choice(DOUBLES), source.getrandbits(64))
        )
        for _ in range(32)
    ]
    return State(x, f, source.randrange(5) << 5, source.randbytes(DATA_END - DATA))


class Recorder(Interpreter):
    """The definition, with a record of accesses, over the DATA part of a larger RAM."""

    accesses: list[tuple[int, ...]]

    def load(self, address: int, size: int) -> int:
        """See Operations."""
        value = super().load(address, size)
        self.accesses.append((self.pc, address, size, value, 0))
        return value

    def store(self, address: int, size: int, value: int) -> None:
        """See Operations."""
        super().store(address, size, value)
        self.accesses.append((self.pc, address, size, value & (1 << 8 * size) - 1, 1))

    def store_conditional(self, address: int, size: int, value: int) -> int:
        """See Operations. That it looks at what it replaces is no access."""
        seen = len(self.accesses)
        failed = super().store_conditional(address, size, value)
        self.accesses[seen:] = [access for access in self.accesses[seen:] if access[4]]
        return failed


def _blocks(executed: list[int], words: dict[int, int]) -> Iterator[tuple[int, ...]]:
    """The blocks that a run of instructions enters: a block ends at a jump and at a page's end."""
    head, ended = 0, True
    for pc in executed:
        if ended or pc // PAGE != head // PAGE:
            head = pc
            inside = list(block_at(pc, words))
            yield pc, len(inside), inside[-1] + size_of(words[inside[-1]]) - pc
        ended = facts(words[pc]).kind.ends_block


def block_at(pc: int, words: dict[int, int]) -> Iterator[int]:
    """The addresses of a block's instructions."""
    page = pc // PAGE
    while pc // PAGE == page:
        yield pc
        if facts(words[pc]).kind.ends_block:
            return
        pc += size_of(words[pc])


def interpret(program: Program, state: State, beyond: int = 0) -> Ending:
    """What the definition says; with so many bytes of zeros behind RAM."""
    memory = bytearray(SIZE + beyond)
    memory[DATA - BASE : SIZE] = state.data
    for pc, word in program.words.items():
        memory[pc - BASE : pc - BASE + size_of(word)] = word.to_bytes(size_of(word), "little")
    hart = Recorder(memory, BASE, program.at, [*state.x], [*state.f], state.fcsr)
    hart.accesses, executed = [], []
    outcome: Trap | LeftInstruction | None = None
    while outcome is None:
        executed.append(hart.pc)
        seen = len(hart.accesses)
        outcome = hart.step(program.words[hart.pc])
    del hart.accesses[seen:]
    if isinstance(outcome, LeftInstruction):
        assert outcome.word == ECALL
        outcome = Trap(Cause.ECALL_MACHINE, hart.pc)
    return Ending(
        hart.pc,
        outcome.cause,
        outcome.value,
        hart.x,
        hart.f,
        hart.fcsr,
        bytes(hart.memory[DATA - BASE : SIZE]),
        len(executed) - 1,
        list(_blocks(executed, program.words)),
        executed,
        hart.accesses,
    )
