"""Samples: what native code writes, and what the translator reads of it."""

from engine_harness import PAGE, Bare, fill

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.frame import INSTRUCTIONS_PER_LOOK, Word
from mttcg.engine.llvm.translate import PageVersion
from mttcg.state.samples import POSITION, RING, Samples, samples_bytes

BASE, CALLED = 0x8000_0000, 0x8000_1000
RETURN, ROUNDS, LEFT, LENGTH, FUNCTION = 1, 10, 12, 13, 15
ECALL, RETURNS, LOAD_FROM_ZERO = 0x0000_0073, 0x0000_8067, 0x0000_2283
INNER, OUTER = BASE + 8, BASE


def add(target: int, source: int, value: int) -> int:
    """Encode addi."""
    return (value & 0xFFF) << 20 | source << 15 | target << 7 | 0x13


def back_unless_zero(register: int, distance: int) -> int:
    """Encode bne to x0, by a negative distance."""
    upper = (distance >> 12 & 1) << 31 | (distance >> 5 & 0x3F) << 25
    lower = (distance >> 1 & 0xF) << 8 | (distance >> 11 & 1) << 7
    return upper | register << 15 | 1 << 12 | lower | 0x63


PROGRAM = [
    FUNCTION << 15 | RETURN << 7 | 0x67,  # jalr
    add(LEFT, LENGTH, 0),
    add(LEFT, LEFT, -1),
    back_unless_zero(LEFT, -4),
    add(ROUNDS, ROUNDS, -1),
    back_unless_zero(ROUNDS, -20),
    ECALL,
]


class Link:
    """Keeps what the translator would be told."""

    def __init__(self) -> None:
        self.woken = 0
        self.places: list[tuple[int, PageVersion | None, bool]] = []

    def wake(self) -> None:
        """Count it."""
        self.woken += 1

    def describe(self, pc: int, version: PageVersion | None, better: bool) -> None:
        """Keep it."""
        self.places.append((pc, version, better))


def linked(bare: Bare) -> Link:
    """The link of a vCPU's engine, from now on."""
    bare.engine.llvm.tiering.link = link = Link()
    return link


def run(bare: Bare, rounds: int, length: int) -> None:
    """Run the program."""
    fill([(BASE + 4 * at, word) for at, word in enumerate(PROGRAM)], bare.write)
    fill([(CALLED, RETURNS)], bare.write)
    x = [0] * 32
    x[ROUNDS], x[LENGTH], x[FUNCTION] = rounds, length, CALLED
    bare.set_registers(x, [0] * 32, 0)
    list(bare.run_to_trap(BASE))


def taken(bare: Bare) -> list[int]:
    return list(bare.engine.llvm.samples.take(0))


def test_the_interpreter_samples_where_it_is_at_every_look() -> None:
    bare = Bare("llvm", BASE, 2 * PAGE)
    run(bare, 1, 50 * INSTRUCTIONS_PER_LOOK)
    pcs = taken(bare)
    assert set(pcs) == {INNER}
    assert abs(len(pcs) - bare.hart.instructions // INSTRUCTIONS_PER_LOOK) <= 1
    assert taken(bare) == []
    bare.close()


def test_the_best_code_takes_no_samples() -> None:
    bare = Bare("llvm", BASE, 2 * PAGE)
    run(bare, 2, 1)
    bare.improve(BASE)
    bare.improve(CALLED)
    taken(bare)
    run(bare, 1, 50 * INSTRUCTIONS_PER_LOOK)
    assert taken(bare) == []
    run(bare, 10_000, 1)
    assert taken(bare) == []
    bare.close()


def test_the_oldest_samples_are_overwritten() -> None:
    samples = Samples(memoryview(bytearray(samples_bytes(2))), 2)
    samples.parts[1, POSITION] = RING + 3
    samples.parts[1, -RING:] = [*range(RING, RING + 3), *range(3, RING)]
    assert list(samples.take(1)) == list(range(3, RING + 3))
    assert list(samples.take(0)) == list(samples.take(1)) == []


def test_a_sample_wakes_a_translator_that_sleeps_once() -> None:
    bare = Bare("llvm", BASE, 2 * PAGE)
    link = linked(bare)
    run(bare, 1, 4 * INSTRUCTIONS_PER_LOOK)
    assert link.woken == 0
    bare.engine.llvm.samples.asleep = True
    run(bare, 1, 4 * INSTRUCTIONS_PER_LOOK)
    assert link.woken == 1 and not bare.engine.llvm.samples.asleep
    bare.close()


def test_a_vcpu_describes_the_page_that_is_asked_for() -> None:
    bare = Bare("llvm", BASE, 2 * PAGE)
    link, samples = linked(bare), bare.engine.llvm.samples
    run(bare, 1, 1)
    samples.ask(0, INNER)
    run(bare, 1, 1)
    run(bare, 1, 1)
    version = bare.engine.llvm.code.version(0, bare.cache.used[0])
    assert link.places == [(INNER, version, False)], "one question has one answer"
    samples.ask(0, BASE + 16 * PAGE)
    run(bare, 1, 1)
    assert link.places[1:] == [(BASE + 16 * PAGE, None, False)], "nothing is run there"
    bare.close()


def test_better_code_is_met_before_it_is_said_to_be_missed() -> None:
    bare = Bare("llvm", BASE, 2 * PAGE)
    link, llvm = linked(bare), bare.engine.llvm
    run(bare, 1, 1)
    version = llvm.code.version(0, bare.cache.used[0])
    assert INNER - BASE in llvm.translator.optimise(version)
    for _ in range(2):
        llvm.samples.ask(0, INNER)
        run(bare, 1, 1)
    assert link.places == [(INNER, None, False), (INNER, version, True)]
    bare.close()


class OneWord:
    """A board with one device, of one word that is 0."""

    name = "word"

    def find(self, address: int, _size: int) -> "tuple[OneWord, int] | None":
        """The device, wherever there is no RAM."""
        return None if address >= BASE else (self, 0)

    def read(self, _offset: int, _size: int) -> int:
        """Its word."""
        return 0


def test_where_a_block_goes_on_there_is_no_sample_and_no_other_begins() -> None:
    """The first instruction reads a device; behind it the next look, and a sample, are due."""
    bare = Bare("llvm", BASE, 4 * PAGE, devices=OneWord())
    words = (LOAD_FROM_ZERO, add(6, 6, 1), add(6, 6, 1), ECALL)
    fill([(BASE + 4 * number, word) for number, word in enumerate(words)], bare.write)
    link, frame = linked(bare), bare.engine.llvm.frame
    for left in bare.run_to_trap(BASE):
        if left.kind is ExitKind.ACCESS:
            bare.engine.llvm.samples.asleep = True
            frame[Word.SINCE] = 0  # the next look is due
    assert (link.woken, taken(bare)) == (0, [])
    assert (bare.hart.instructions, bare.hart.blocks) == (3, 1)
    bare.close()
