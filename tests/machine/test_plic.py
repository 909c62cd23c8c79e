"""The PLIC's registers and gateways, against the specification, and many processes at once."""

import mmap
import os
import random
import struct
from collections.abc import Callable

import pytest

from mttcg.hardware.interrupts import plic as plic_module
from mttcg.hardware.interrupts.plic import SOURCES, STATE_SIZE, NoSourceError, Plic
from mttcg.state.vcpu_state import MOST_VCPUS

PRIORITY, PENDING, ENABLE, CONTEXT = 0x0, 0x1000, 0x2000, 0x20_0000
HARTS = 2
LIMIT = 60


class Level:
    """An input of a hart; `word` is shared."""

    def __init__(self, memory: memoryview, at: int) -> None:
        self.memory, self.at = memory, at

    @property
    def high(self) -> bool:
        return self.memory[self.at] != 0

    def raise_(self) -> None:
        self.memory[self.at] = 1

    def lower(self) -> None:
        self.memory[self.at] = 0


class Board:
    """A PLIC in memory that processes share, with the inputs of some harts behind it."""

    def __init__(self, harts: int = HARTS) -> None:
        size = STATE_SIZE + 2 * harts
        memory = memoryview(mmap.mmap(-1, size))
        self.state, self.inputs = memory[:STATE_SIZE], memory[STATE_SIZE:]
        plic_module.prepare(self.state)
        lines = [Level(self.inputs, at) for at in range(2 * harts)]
        self.plic = Plic(self.state, lines[0::2], lines[1::2])

    def priority(self, source: int, value: int) -> None:
        self.plic.write(PRIORITY + 4 * source, 4, value)

    def enable(self, context: int, *sources: int) -> None:
        bits = sum(1 << source for source in sources)
        for at in range(4):
            value = bits >> 32 * at & 0xFFFF_FFFF
            self.plic.write(ENABLE + 0x80 * context + 4 * at, 4, value)

    def threshold(self, context: int, value: int) -> None:
        self.plic.write(CONTEXT + 0x1000 * context, 4, value)

    def claim(self, context: int) -> int:
        return self.plic.read(CONTEXT + 0x1000 * context + 4, 4)

    def complete(self, context: int, source: int) -> None:
        self.plic.write(CONTEXT + 0x1000 * context + 4, 4, source)

    def pending(self) -> list[int]:
        read = [self.plic.read(PENDING + 4 * at, 4) for at in range(4)]
        return [n for n in range(128) if read[n // 32] >> n % 32 & 1]

    def raised(self) -> list[int]:
        return list(self.inputs)


@pytest.fixture
def board() -> Board:
    return Board()


def test_registers_hold_what_exists_of_them(board: Board) -> None:
    plic = board.plic
    for offset in (PRIORITY, PRIORITY + 4, PRIORITY + 4 * SOURCES, PRIORITY + 4 * SOURCES + 4):
        plic.write(offset, 4, 0xFFFF_FFFF)
    read = [plic.read(PRIORITY + 4 * n, 4) for n in (0, 1, SOURCES, SOURCES + 1)]
    assert read == [0, 7, 7, 0]
    for at in range(5):
        plic.write(ENABLE + 0x80 * 3 + 4 * at, 4, 0xFFFF_FFFF)
    read = [plic.read(ENABLE + 0x80 * 3 + 4 * at, 4) for at in range(5)]
    assert read == [0xFFFF_FFFE, 0xFFFF_FFFF, 0xFFFF_FFFF, 1, 0]
    assert plic.read(ENABLE + 0x80 * 2, 4) == 0
    board.threshold(1, 0x1F)
    assert [plic.read(CONTEXT + 0x1000 * context, 4) for context in range(4)] == [0, 7, 0, 0]


def test_contexts_that_are_not_there_read_as_zero(board: Board) -> None:
    beyond = 2 * HARTS
    board.enable(beyond, 1)
    board.threshold(beyond, 3)
    places = ENABLE + 0x80 * beyond, CONTEXT + 0x1000 * beyond, CONTEXT + 0x1000 * beyond + 4
    assert [board.plic.read(place, 4) for place in places] == [0, 0, 0]
    assert board.plic.read(plic_module.SIZE - 4, 4) == 0


@pytest.mark.parametrize("size", [1, 2])
def test_narrow_accesses_do_nothing(board: Board, size: int) -> None:
    board.plic.write(PRIORITY + 4, size, 7)
    assert board.plic.read(PRIORITY + 4, 4) == 0
    board.priority(1, 5)
    assert board.plic.read(PRIORITY + 4, size) == 0


def test_a_wide_access_is_one_to_two_registers(board: Board) -> None:
    board.plic.write(PRIORITY + 8, 8, 3 << 32 | 2)
    assert [board.plic.read(PRIORITY + 4 * n, 4) for n in (2, 3)] == [2, 3]
    assert board.plic.read(PRIORITY + 8, 8) == 3 << 32 | 2
    assert board.plic.read(PRIORITY + 6, 4) == 0


@pytest.mark.parametrize("number", [0, SOURCES + 1, -1])
def test_there_is_no_such_source(board: Board, number: int) -> None:
    with pytest.raises(NoSourceError, match=f"no source {number}"):
        board.plic.line(number)


def test_a_request_goes_from_line_to_completion(board: Board) -> None:
    line = board.plic.line(10)
    board.priority(10, 1)
    board.enable(1, 10)
    assert board.raised() == [0, 0, 0, 0]
    line.raise_()
    assert (line.high, board.raised(), board.pending()) == (True, [0, 1, 0, 0], [10])
    assert board.claim(1) == 10
    assert (board.raised(), board.pending(), board.claim(1)) == ([0] * 4, [], 0)
    line.lower()
    board.complete(1, 10)
    assert (line.high, board.raised()) == (False, [0] * 4)


def test_a_line_that_stays_high_asks_again_at_completion(board: Board) -> None:
    line = board.plic.line(5)
    board.priority(5, 1)
    board.enable(0, 5)
    line.raise_()
    assert board.claim(0) == 5
    line.raise_()
    assert board.pending() == []
    board.complete(0, 5)
    assert (board.pending(), board.raised()) == ([5], [1, 0, 0, 0])


def test_a_request_stays_when_the_line_is_lowered(board: Board) -> None:
    line = board.plic.line(5)
    line.raise_()
    line.lower()
    assert board.pending() == [5]
    board.priority(5, 1)
    board.enable(0, 5)
    assert (board.raised()[0], board.claim(0)) == (1, 5)


def test_the_highest_priority_goes_first_and_then_the_lowest_number(board: Board) -> None:
    for source, priority in ((3, 2), (64, 7), (70, 7), (9, 0), (96, 1)):
        board.priority(source, priority)
        board.plic.line(source).raise_()
    board.enable(0, 3, 64, 70, 9, 96)
    assert [board.claim(0) for _ in range(6)] == [64, 70, 3, 96, 0, 0]


def test_the_threshold_masks_but_not_the_claim(board: Board) -> None:
    board.priority(7, 3)
    board.enable(0, 7)
    board.plic.line(7).raise_()
    levels = []
    for threshold in (0, 2, 3, 7, 1):
        board.threshold(0, threshold)
        levels.append(board.raised()[0])
    assert levels == [1, 1, 0, 0, 1]
    board.threshold(0, 7)
    assert board.claim(0) == 7


def test_contexts_and_priorities_that_change_are_looked_at(board: Board) -> None:
    board.plic.line(8).raise_()
    board.enable(0, 8)
    board.enable(3, 8)
    assert board.raised() == [0, 0, 0, 0]
    board.priority(8, 1)
    assert board.raised() == [1, 0, 0, 1]
    board.enable(3)
    assert board.raised() == [1, 0, 0, 0]
    board.priority(8, 0)
    assert board.raised() == [0, 0, 0, 0]


def test_a_completion_by_who_does_not_enable_the_source_is_ignored(board: Board) -> None:
    line = board.plic.line(8)
    board.priority(8, 1)
    board.enable(0, 8)
    line.raise_()
    assert board.claim(0) == 8
    for context, source in ((1, 8), (0, 9), (0, 0), (0, 0xFFFF_FFFF)):
        board.complete(context, source)
    assert board.pending() == []
    board.enable(2, 8)
    board.complete(2, 8)  # any context may that enables it
    assert board.pending() == [8]


class Model:
    """The specification, as plainly as can be."""

    def __init__(self, contexts: int) -> None:
        self.level, self.pending, self.claimed = set(), set(), set()  # type: ignore[var-annotated]
        self.priorities = dict.fromkeys(range(1, SOURCES + 1), 0)
        self.enabled: list[set[int]] = [set() for _ in range(contexts)]
        self.thresholds = [0] * contexts

    def gateways(self) -> None:
        self.pending |= self.level - self.claimed

    def claim(self, context: int) -> int:
        best = sorted(
            (source for source in self.pending & self.enabled[context] if self.priorities[source]),
            key=lambda source: (-self.priorities[source], source),
        )
        if not best:
            return 0
        self.pending.discard(best[0])
        self.claimed.add(best[0])
        return best[0]

    def complete(self, context: int, source: int) -> None:
        if source in self.enabled[context]:
            self.claimed.discard(source)

    def raised(self) -> list[int]:
        return [
            int(any(self.priorities[source] > threshold for source in self.pending & enabled))
            for enabled, threshold in zip(self.enabled, self.thresholds, strict=True)
        ]


def test_random_accesses_against_a_model(board: Board) -> None:
    source_of = random.Random("plic")
    model, contexts = Model(2 * HARTS), range(2 * HARTS)
    some = [1, 2, 31, 32, 33, 63, 64, 65, 95, 96]
    for _ in range(4000):
        source, context = source_of.choice(some), source_of.choice(contexts)
        match source_of.randrange(7):
            case 0 | 1:
                raised = source_of.random() < 0.6
                line = board.plic.line(source)
                (line.raise_ if raised else line.lower)()
                (model.level.add if raised else model.level.discard)(source)
            case 2:
                model.priorities[source] = source_of.randrange(8)
                board.priority(source, model.priorities[source])
            case 3:
                model.enabled[context] = set(source_of.sample(some, 6))
                board.enable(context, *model.enabled[context])
            case 4:
                model.thresholds[context] = source_of.choice((0, 0, 1, 3, 7))
                board.threshold(context, model.thresholds[context])
            case 5:
                assert board.claim(context) == model.claim(context)
            case 6:
                model.complete(context, source)
                board.complete(context, source)
        model.gateways()
        assert board.pending() == sorted(model.pending)
        assert board.raised() == model.raised()


def in_processes(works: list[Callable[[], None]]) -> None:
    """Run each in a process of its own; all end well."""
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert ends == [0] * len(works)


ROUNDS = 1500
LINES = (1, 10, 63, 64, 96)


def test_each_request_is_claimed_once_by_whichever_hart() -> None:
    """Processes raise lines, others claim: as many claims as raises, and none at once."""
    harts = 3
    board = Board(harts)
    counts = memoryview(mmap.mmap(-1, 4096)).cast("Q")
    busy = memoryview(mmap.mmap(-1, 4096)).cast("Q")
    for source in LINES:
        board.priority(source, 1 + source % 7)
    for context in range(2 * harts):
        board.enable(context, *LINES)
    raised, done = 0, 256

    def raiser(source: int) -> None:
        line = board.plic.line(source)
        for number in range(ROUNDS):
            counts[raised + source] = number + 1
            line.raise_()
            while counts[done + source] != number + 1:
                os.sched_yield()

    def claimer(context: int) -> None:
        while any(counts[done + source] != ROUNDS for source in LINES):
            source = board.claim(context)
            if not source:
                os.sched_yield()
                continue
            assert busy[source] == 0  # nobody else has claimed it
            busy[source] = 1
            assert counts[done + source] + 1 == counts[raised + source]
            number = counts[raised + source]
            board.plic.line(source).lower()
            busy[source] = 0
            board.complete(context, source)
            counts[done + source] = number

    in_processes(
        [lambda source=source: raiser(source) for source in LINES]  # type: ignore[misc]
        + [lambda context=context: claimer(context) for context in (0, 3, 4)]  # type: ignore[misc]
    )
    assert [counts[done + source] for source in LINES] == [ROUNDS] * len(LINES)
    assert (board.pending(), board.raised()) == ([], [0] * 2 * harts)


def test_inputs_of_harts_are_right_after_any_storm() -> None:
    """Processes change everything at once; what is left is what the registers say."""
    board = Board()

    def stormer(seed: int) -> None:
        source_of = random.Random(seed)
        for _ in range(1500):
            source, context = source_of.choice(LINES), source_of.randrange(4)
            line = board.plic.line(source)
            match source_of.randrange(6):
                case 0:
                    line.raise_()
                case 1:
                    line.lower()
                case 2:
                    board.priority(source, source_of.randrange(8))
                case 3:
                    board.plic.write(ENABLE + 0x80 * context, 8, source_of.getrandbits(64))
                case 4:
                    board.threshold(context, source_of.randrange(8))
                case 5:
                    board.complete(context, board.claim(context) or source)

    in_processes([lambda seed=seed: stormer(seed) for seed in range(4)])  # type: ignore[misc]
    read = board.plic.read
    expected = []
    for context in range(4):
        bits = struct.pack("<4I", *(read(ENABLE + 0x80 * context + 4 * at, 4) for at in range(4)))
        enabled = int.from_bytes(bits, "little")
        threshold = read(CONTEXT + 0x1000 * context, 4)
        due = [n for n in board.pending() if enabled >> n & 1 and read(4 * n, 4) > threshold]
        expected.append(int(bool(due)))
    assert board.raised() == expected


def test_a_process_that_dies_with_the_lock_keeps_nobody_from_it() -> None:
    board = Board()
    child = os.fork()
    if child == 0:
        board.plic._lock.__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    board.priority(3, 1)
    board.enable(0, 3)
    board.plic.line(3).raise_()
    assert board.claim(0) == 3


def test_an_edge_source_asks_once_each_time_that_its_line_is_raised(board: Board) -> None:
    plic_module.prepare(board.state, edges=(10,))
    board.plic = Plic(board.state, *([Level(board.inputs, at)] for at in (0, 1)))
    line = board.plic.line(10)
    board.priority(10, 1)
    board.enable(1, 10)
    line.raise_()
    assert board.claim(1) == 10
    board.complete(1, 10)
    assert (line.high, board.raised()[1], board.claim(1)) == (True, 0, 0)
    line.raise_()  # it is high already
    assert (board.raised()[1], board.claim(1)) == (1, 10)
    line.raise_()
    assert (board.raised()[1], board.claim(1)) == (0, 0)  # not before the last is completed
    board.complete(1, 10)
    assert (board.raised()[1], board.claim(1)) == (1, 10)


@pytest.mark.parametrize("source", [1, 63, 64, 96])
def test_every_context_that_enables_a_source_is_told(source: int) -> None:
    board = Board(MOST_VCPUS)
    contexts = [0, 1, 2 * MOST_VCPUS - 1]
    for context in contexts:
        board.enable(context, source)
    board.priority(source, 1)
    board.plic.line(source).raise_()
    assert [at for at, level in enumerate(board.raised()) if level] == contexts
    assert board.claim(1) == source
    assert not any(board.raised())
    board.complete(0, source)
    assert [at for at, level in enumerate(board.raised()) if level] == contexts
