"""Straight-line code of any length is one block up to its end, or its page's, on both engines.

The programs are random: runs of 1 to 3,000 instructions in which branches land, with atomics, CSRs
and, by x9, accesses to a device, after which the same block goes on. Unicorn ends its translations
where it likes, by how much is woven in; no count, record or callback may show where.
"""

import random
from collections.abc import Iterator

import pytest
from engine_harness import Bare, fill
from random_engines import RIGHT, Watch, Watched
from random_programs import (
    BASE,
    BRANCHES,
    CODE,
    DATA,
    DATA_END,
    ODD_POINTER,
    POINTER,
    SIZE,
    Piece,
    Program,
    State,
    build,
    encoded,
    interpret,
)
from recorded import Recorded

from mttcg.engine.llvm.windows import Window, Windows
from mttcg.instrument.native.frames import MOST_RECORDS
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table.decode import BY_NAME

BEYOND = 0x1800
"""Bytes of the device behind RAM."""
STATES = 2
LENGTHS = (1, 286, 512, 513, 1100, 2200, 3000)
"""Instructions; Unicorn ends a translation after 512, or after 286 if each is recorded."""
STRAIGHT = [row for row in RIGHT if not facts(row.match).kind.ends_block]
HOST_RUN = [row for row in RIGHT if row.extension in ("A", "Zicsr")]
FAR_BRANCHES = [row for row in BRANCHES if row.layout == "B"]
SHORT = [row for row in STRAIGHT if row.length == 2]
OFTEN = 0.998


class Beyond:
    """A device that is memory."""

    name = "beyond"

    def __init__(self) -> None:
        self.memory = bytearray(BEYOND)

    def find(self, address: int, size: int) -> tuple["Beyond", int] | None:
        """See `MmioMap`."""
        offset = address - BASE - SIZE
        return (self, offset) if 0 <= offset <= BEYOND - size else None

    def read(self, offset: int, size: int) -> int:
        """Read, zero-extended."""
        return int.from_bytes(self.memory[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """Write."""
        self.memory[offset : offset + size] = value.to_bytes(size, "little")


def pieces(count: int, source: random.Random) -> Iterator[Piece]:
    """A run of so many instructions; before it branches into it, within it some that end a block,
    behind it a branch back into it."""
    for _ in range(source.randrange(3)):
        yield Piece(source.choice(FAR_BRANCHES), source.getrandbits(32), source.randrange(2, 600))
    straight = source.choice((STRAIGHT, SHORT))
    for _ in range(count):
        rows = straight if source.random() < OFTEN else HOST_RUN
        yield Piece(source.choice(rows), source.getrandbits(32), 1)
    yield Piece(source.choice(FAR_BRANCHES), source.getrandbits(32), -source.randrange(2, 600))


def long_program(count: int, seed: int) -> Program:
    """A program whose atomics are in RAM, and started so that x9 points to the device, or not."""
    source = random.Random(seed)
    program = build(list(pieces(count, source)), seed)
    for pc, word in program.words.items():
        if facts(word).kind is Kind.ATOMIC and word >> 15 & 31 == ODD_POINTER:
            program.words[pc] = word & ~(31 << 15) | POINTER << 15
    del program.states[STATES:]
    for state, pointer in zip(program.states, (BASE + SIZE + 0x900, DATA + 0x801), strict=True):
        state.x[ODD_POINTER] = pointer
    return program


@pytest.mark.parametrize(
    ("engine", "watch"),
    [
        *(("unicorn", watch) for watch in ("", "call", "python", "record")),
        *(("llvm", watch) for watch in ("", "record")),
    ],
)
def test_long_runs_are_one_block(engine: str, watch: Watch) -> None:
    device = Beyond()
    watched = Watched(engine, watch, device)
    longest = 0
    for seed, count in enumerate(LENGTHS):
        program = long_program(count, seed)
        watched.load(program)
        for state in program.states:
            device.memory[:] = bytes(BEYOND)
            expected = interpret(program, state, BEYOND)
            longest = max(longest, *(count for _, count, _ in expected.blocks))
            watched.check_from(program, state, expected)
    watched.close()
    assert longest > 1100


NOP, C_NOP, ECALL = 0x13, 0x1, 0x73
UNKNOWN = 0x7B
"""Of opcode custom-3, so that it traps, though nothing says that it ends a block."""
X31 = 31
LESS = BY_NAME["addi"].match | X31 << 7 | X31 << 15 | 0xFFF << 20
STORE = BY_NAME["sb"].match | ODD_POINTER << 15


def again(distance: int) -> int:
    """A branch that is taken as long as x31 is above 0."""
    branch = BY_NAME["blt"]
    return branch.match | X31 << 20 | encoded(branch.format.immediate, distance)


def go(distance: int) -> int:
    """A jump."""
    jump = BY_NAME["jal"]
    return jump.match | encoded(jump.format.immediate, distance)


def placed(words: list[int], rounds: int = 3) -> Program:
    """Code at the beginning of a page, with x31 as given and x9 at the device."""
    program, pc = Program(CODE, {}, []), CODE
    for word in words:
        program.words[pc] = word
        pc += length(word)
    x = [0] * 32
    x[X31], x[ODD_POINTER] = rounds, BASE + SIZE
    program.states.append(State(x, [0] * 32, 0, bytes(DATA_END - DATA)))
    return program


def run_placed(watched: Watched, program: Program) -> None:
    """Run it and compare."""
    watched.load(program)
    state = program.states[0]
    watched.check_from(program, state, interpret(program, state, BEYOND))


@pytest.mark.parametrize("begin", [512, 0], ids=["entered first", "fallen into first"])
@pytest.mark.parametrize("back", [512, 0, 300])
@pytest.mark.parametrize("engine", ["unicorn", "llvm"])
def test_where_unicorn_ends_a_translation_may_be_entered_too(
    engine: str, back: int, begin: int
) -> None:
    """The pc after 512 instructions: what falls into it goes on, what jumps there enters."""
    body = [NOP] * 600
    end = 4 * (1 + len(body) + 1)
    words = [go(4 + 4 * begin), *body, LESS, again(4 + 4 * back - end), ECALL]
    for watch in ("", "call"):
        watched = Watched(engine, watch, Beyond())  # type: ignore[arg-type]
        run_placed(watched, placed(words))
        watched.close()


@pytest.mark.parametrize("engine", ["unicorn", "llvm"])
def test_a_loop_behind_an_access_to_a_device_is_entered_each_round(engine: str) -> None:
    watched = Watched(engine, "call", Beyond())
    run_placed(watched, placed([STORE, NOP, LESS, again(-8), ECALL], rounds=9))
    run_placed(watched, placed([STORE, LESS, again(-4), ECALL], rounds=9))
    watched.close()


@pytest.mark.parametrize("engine", ["unicorn", "llvm"])
def test_a_handler_right_behind_what_traps_is_a_block(engine: str) -> None:
    watched = Watched(engine, "call")
    program = placed([*[NOP] * 100, UNKNOWN, *[NOP] * 50, ECALL])
    handler = CODE + 4 * 101
    bare, hart = watched.bare, watched.bare.hart
    watched.load(program)
    hart.mtvec = handler
    for pc, cause in ((CODE, 2), (handler, 11)):
        for _ in bare.run_to_trap(pc):
            pass
        assert (hart.mcause, hart.pc) == (cause, handler)
    assert [(a[0], a[1], a[4]) for a in watched.seen[0]] == [(CODE, 152, 608), (handler, 51, 204)]
    assert (hart.instructions, hart.blocks) == (150, 2)
    watched.close()


TIMES = 20
"""More for each instruction than a window takes for those that are emitted together."""


def test_a_window_is_opened_for_so_many_records_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written when a stream drops goes to room for so many."""
    asked: list[int] = []
    end = Windows._end

    def noted(windows: Windows, window: Window) -> None:
        asked.append(window.total)
        end(windows, window)

    monkeypatch.setattr(Windows, "_end", noted)
    recorded = Recorded(("executed",))
    each = recorded.plan.every_instruction * TIMES
    bare = Bare("llvm", BASE, SIZE, Plan(every_instruction=each))
    fill(list(placed([*[C_NOP] * 400, ECALL]).words.items()), bare.write)
    for _ in range(2):
        for _ in bare.run_to_trap(CODE):
            pass
        assert len(recorded.take("executed")) == 401 * TIMES
        bare.improve(CODE)
    assert max(asked) == MOST_RECORDS
    bare.close()
    recorded.close()
