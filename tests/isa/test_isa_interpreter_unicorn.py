"""The interpreter beside bare Unicorn 2.1.4, one instruction at a time on random states.

Unicorn derives from QEMU 5.0. Where it is wrong the specification decides: each such difference
is listed below with its reason, nothing else differs, and each one listed is there.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unicorn_stepper import CODE, DATA, DATA_SIZE, STOPPED, After, State, Stepper, interpret

from mttcg.engine.unicorn.riscv64.left_to_host import LEFT_TO_HOST, MISREAD
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.extensions import EXTENSIONS
from mttcg.isa.riscv64.floats import DOUBLE, SINGLE, FloatKind, Format
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table.decode import BY_NAME, ROWS, decode
from mttcg.isa.table.row import Decoded, Row

BOX = 0xFFFF_FFFF << 32
LEFT = {"ecall", "ebreak", "c.ebreak", "fence.i", "mret", "sret", "sfence.vma", "wfi"}
LEFT |= {row.name for row in ROWS if row.extension == "Svinval"}
"""What leaves to the host."""
NEWER = {*EXTENSIONS["llvm"]} - {*EXTENSIONS["unicorn"], "svinval", "sstc"}
UNKNOWN = {row.name for row in ROWS if row.extension.lower() in NEWER}
"""What Unicorn does not have."""
EXAMPLES = {"I": 150, "M": 80, "A": 120, "C": 150, "F": 200, "D": 150, "Zicsr": 40}
STATES_OF_A_ROW = 25
BYTES = bytes(random.Random(4).randbytes(DATA_SIZE))

INTEGERS = (0, 1, 2, 31, 32, 63, 64, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 2**63 - 1, 2**63)
INTEGERS += (2**64 - 1, 0xFFFF_FFFF_8000_0000, 2**53 + 1, 2**24 + 1)
PLACES = (DATA + 2048, DATA + 2056, DATA + 2051, DATA + DATA_SIZE - 4, DATA, 0)
SINGLES = (0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0x7F80_0001, 0xFFC1_2345, 1)
SINGLES += (0x3F80_0000, 0xBF80_0000, 0x007F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0x4F00_0000)
SINGLES += (0xCF00_0000, 0x5F00_0000, 0x4F80_0000, 0x3F00_0000, 0xBF00_0000, 0x3FC0_0000)
DOUBLES = (0, 1 << 63, 0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, (0x7FF0 << 48) + 1, 1, 1 << 52)
DOUBLES += (0x3FF0 << 48, 0xBFF0 << 48, (1 << 52) - 1, (0x7FF0 << 48) - 1, 0x41E0 << 48)
DOUBLES += (0xC1E0 << 48, 0x43E0 << 48, 0x3FE0 << 48, 0xBFE0 << 48, 0x47EF_FFFF_E000_0000)


@cache
def stepper() -> Stepper:
    return Stepper()


def compare(before: State) -> tuple[After, After]:
    """Both outcomes: the interpreter's, Unicorn's."""
    theirs = stepper().run(before)
    return interpret(before, stepper().pc), theirs


# --- the differences


def sources(at: Decoded) -> list[int]:
    """The floating-point registers that an instruction reads."""
    return [getattr(at, "r" + name[1:]) for name in ("fs1", "fs2", "fs3") if name in at.row.syntax]


def _format(at: Decoded) -> Format:
    return SINGLE if at.name.endswith(".s") else DOUBLE


def reads_unboxed(at: Decoded, before: State) -> bool:
    return any(before.f[register] & BOX != BOX for register in sources(at))


def reads_signalling(at: Decoded, before: State) -> bool:
    numbers = [_format(at).unpack(before.f[register]) for register in sources(at)]
    return [number.is_nan for number in numbers].count(True) == 1 and any(
        number.kind is FloatKind.SIGNALLING for number in numbers
    )


def multiplies_infinity_by_zero(at: Decoded, before: State) -> bool:
    a, b, c = (_format(at).unpack(before.f[register]) for register in sources(at))
    return (
        c.kind is FloatKind.QUIET
        and {a.kind, b.kind} == {FloatKind.FINITE, FloatKind.INFINITE}
        and (a.is_zero or b.is_zero)
    )


def reserved_nothing(at: Decoded, before: State) -> bool:
    return before.reserved is None or before.reserved[0] != [0, *before.x][at.rs1]


def _always(_at: Decoded, _before: State) -> bool:
    return True


@dataclass(frozen=True)
class Difference:
    """Where Unicorn is wrong: the instructions, when, and what of the outcome still agrees."""

    reason: str
    names: frozenset[str]
    when: Callable[[Decoded, State], bool] = _always
    low_half_agrees: bool = False


_FUSED = {f"{sign}m{op}" for sign in ("f", "fn") for op in ("add", "sub")}
_SINGLE_RESULTS = {
    row.name
    for row in ROWS
    if row.extension in ("F", "D") and row.name.startswith(("fcvt.s.", "fmv.w."))
} | {row.name for row in ROWS if row.name.endswith(".s") and row.syntax.startswith("fd, fs1")}
_SINGLE_OPERANDS = {row.name for row in ROWS if row.name.endswith(".s") and ", fs1" in row.syntax}

DIFFERENCES = (
    Difference(
        "a single that is not NaN-boxed is the canonical NaN (21.2); Unicorn takes its low half",
        frozenset(_SINGLE_OPERANDS),
        reads_unboxed,
    ),
    Difference(
        "a single is written NaN-boxed (21.2); Unicorn leaves the upper half 0, or as it came",
        frozenset(_SINGLE_RESULTS - {"fcvt.d.s", "fsgnj.s"}),
        low_half_agrees=True,
    ),
    Difference(
        "a number wins over a signalling NaN (20.6, since version 2.2); Unicorn gives a NaN",
        frozenset({"fmin.s", "fmax.s", "fmin.d", "fmax.d"}),
        reads_signalling,
    ),
    Difference(
        "infinity * 0 + quiet NaN is invalid (20.6); Unicorn does not raise NV",
        frozenset(f"{name}.{width}" for name in _FUSED for width in "sd"),
        multiplies_infinity_by_zero,
    ),
    Difference(
        "an SC to a bad address traps, whatever is reserved (A extension); Unicorn just fails it",
        frozenset({"sc.w", "sc.d"}),
        lambda at, before: reserved_nothing(at, before) and interpret(before, CODE).outcome != "",
    ),
)


def low_half(after: After, at: Decoded, before: State) -> After:
    """An outcome with just the low half of the destination."""
    name = f"f{at.rd}"
    value = after.changed.get(name, before.f[at.rd]) & 0xFFFF_FFFF
    return replace(after, changed={**after.changed, name: value}) if not after.outcome else after


def check(before: State) -> None:
    at = decode(before.word)
    assert at is not None
    reasons = [d for d in DIFFERENCES if at.name in d.names and d.when(at, before)]
    ours, theirs = compare(before)
    if not all(difference.low_half_agrees for difference in reasons):
        return
    if reasons:
        ours, theirs = low_half(ours, at, before), low_half(theirs, at, before)
    assert ours == theirs


# --- random states


def fill(row: Row, free: int, x: list[int], f: list[int]) -> State:
    """A state whose source registers hold given values."""
    word = row.match | free & ~row.mask & (1 << 8 * row.length) - 1
    if row.extension == "Zicsr":
        word = word & 0xF_FFFF | (1 + free % 3) << 20
    integers, floats = [DATA + 2048 + n for n in range(32)], [BOX | n << 20 for n in range(32)]
    at = decode(word)
    if at is not None:
        for register, a, b in zip((at.rs1, at.rs2, at.rs3), x, f, strict=True):
            integers[register], floats[register] = a, b
    return State(word, integers[1:], floats, data=BYTES)


boxed = st.builds(BOX.__or__, st.sampled_from(SINGLES) | st.integers(0, 2**32 - 1))
double = st.sampled_from(DOUBLES) | st.integers(0, 2**64 - 1)
near = st.builds(
    lambda sign, field, fraction: sign << 63 | 1023 + field << 52 | fraction,
    st.integers(0, 1),
    st.integers(-70, 70),
    st.integers(0, 2**52 - 1),
)
integer = st.sampled_from(INTEGERS) | st.sampled_from(PLACES) | st.integers(0, 2**64 - 1)
place = st.sampled_from(PLACES) | st.integers(DATA, DATA + DATA_SIZE)


@st.composite
def states(draw: st.DrawFn, extension: str) -> State:
    rows = [row for row in ROWS if row.extension == extension and row.name not in LEFT]
    row = draw(st.sampled_from(rows))
    singles = extension == "F" or row.name == "fcvt.d.s"
    number = boxed | boxed | double if singles else double | near
    base = place if "(rs1)" in row.syntax else integer
    x = [draw(base), draw(integer), 0]
    state = fill(row, draw(st.integers(0, 2**32 - 1)), x, [draw(number) for _ in range(3)])
    state.fcsr = (
        draw(st.integers(0, 4)) << 5
        | draw(st.integers(0, 255)) % 256 * draw(st.sampled_from((0, 0, 0, 1))) & 0xFF
    )
    if row.name.startswith("sc.") and x[0] in PLACES[:2]:
        state.reserved = (draw(st.sampled_from(PLACES[:2])), 4 if row.name == "sc.w" else 8)
    return state


@pytest.mark.parametrize("extension", EXAMPLES)
def test_unicorn_agrees_but_where_it_is_known_wrong(extension: str) -> None:
    @settings(max_examples=EXAMPLES[extension], deadline=None, database=None)
    @given(states(extension))
    def run(before: State) -> None:
        if decode(before.word) is not None:
            check(before)

    run()


def random_states(row: Row, count: int) -> Iterator[State]:
    """States full of special values, half of a single's operands boxed."""
    source = random.Random(row.name)
    single = row.name in _SINGLE_OPERANDS
    kinds = 6 if row.layout == "R4" else None
    for _ in range(count):
        f = [
            BOX | source.choice(SINGLES[:kinds])
            if single and source.random() < 0.7
            else source.choice(DOUBLES[:kinds])
            for _ in range(3)
        ]
        base = PLACES if "(rs1)" in row.syntax else INTEGERS
        x = [source.choice(base), source.choice((source.getrandbits(64), *INTEGERS)), 0]
        state = fill(row, source.getrandbits(32), x, f)
        state.fcsr = source.randrange(5) << 5
        yield state


def test_every_instruction_agrees_on_special_values() -> None:
    for row in ROWS:
        if row.name in LEFT | UNKNOWN:
            continue
        for before in random_states(row, STATES_OF_A_ROW):
            if decode(before.word) is not None:
                check(before)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.reason[:30])
def test_each_listed_difference_is_there(difference: Difference) -> None:
    missing = set(difference.names)
    for name in sorted(difference.names):
        for before in random_states(BY_NAME[name], 1000):
            at = decode(before.word)
            if at is None or not difference.when(at, before):
                continue
            ours, theirs = compare(before)
            if (
                difference.low_half_agrees
                and name in _SINGLE_OPERANDS
                and reads_unboxed(at, before)
            ):
                continue
            if ours != theirs:
                missing.discard(name)
                break
    assert not missing


def near_a_row(source: random.Random) -> int:
    """A word that differs from a row's in few fixed bits."""
    row = source.choice(ROWS)
    free = source.getrandbits(32) & ~row.mask
    return row.match ^ (1 << source.randrange(8 * row.length)) | free


def test_what_has_no_row_is_illegal_in_unicorn_too() -> None:
    """But for SYSTEM, of which Unicorn has more."""
    source = random.Random(2)
    for _ in range(6000):
        word = near_a_row(source) if source.random() < 0.7 else source.getrandbits(32) | 3
        if decode(word) is not None or word & 0x7F == 0x73:
            continue
        size = length(word)
        run = stepper().runs(word)
        assert run == (size == 2 and facts(word).kind in LEFT_TO_HOST.kinds), hex(word)


def test_every_reserved_16_bit_word_that_unicorn_runs_is_left_to_the_host() -> None:
    """All of them, and those that the table has run on Unicorn, too."""
    left, run = set(), set()
    for half in filter(lambda half: half & 3 != 3, range(1 << 16)):
        if stepper().runs(half):
            run.add(half)
        if facts(half).kind in LEFT_TO_HOST.kinds:
            left.add(half)
    known = {half for half in range(1 << 16) if half & 3 != 3 and decode(half) is not None}
    may_be = {row.match for row in ROWS if row.extension == "Zcmop"}
    assert known - run - may_be == {0x9002}, "c.ebreak"
    assert run - known == left


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_unicorn_does_not_have(name: str) -> None:
    before = fill(BY_NAME[name], 0x0031_0093, [5, 6, 7], [0, 0, 0])
    ours, theirs = compare(before)
    if BY_NAME[name].behaviour.memory is None:
        assert not ours.outcome
    if not any(before.word & mask == value for mask, value in MISREAD):
        assert theirs.outcome == STOPPED
