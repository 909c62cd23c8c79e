"""What an operating system lives on: guests that measure themselves by their clock, beside QEMU."""

from collections.abc import Iterator

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.figures import ratio
from mttcg_bench.model import FEW_ROUNDS, Bar, Better, Case, Figure, Side, Variant

LLVM, QEMU = "llvm", "QEMU"
OPERATIONS = (
    *("csrr mscratch", "csrw mscratch", "csrr mstatus", "interrupts on and off", "csrr mhartid"),
    *("csrr minstret", "csrr time", "ecall and mret", "read UART status", "read mtime"),
    *("write mtimecmp", "software interrupt", "fence.i", "fence"),
    "rounding to nearest, ties away",
)
"""What the guest `operations` measures."""
TICKS = tuple(f"a tick at {rate} Hz" for rate in ("100", "1,000", "2,000"))
"""What the guest `ticks` measures."""
LATE = "late after a wait"
"""What the guest `waits` measures."""
EACH = "llvm: no system operation over 1.5 times QEMU's"
TICK = "llvm: a timer tick within 20 us, at 1 kHz and more"
PATCH = "llvm: code patched each round, with fence.i, at least as fast as QEMU"
COLD = "llvm: code called once not slower than QEMU"
LONGEST = "llvm: no first call over a millisecond"
FIRST_CALLS, LONGEST_CALL = "first calls", "longest first call"


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    if choice.has_engine("llvm"):
        yield OPERATIONS_CASE
        yield TICKS_CASE
        yield WAITS_CASE
        yield PATCHES_CASE
        yield COLD_CASE


def over_qemu(what: str) -> Figure:
    """A time that the guest measured, over that on QEMU."""
    return Figure(what, ratio((LLVM, what, 1), (QEMU, what, 1)), "times")


def beside_qemu(*measured: str) -> tuple[Figure, ...]:
    """Times that the guest measured, and those on QEMU."""
    return tuple(
        Figure(what if one == LLVM else f"{one}: {what}", ((one, what, 1),), "us", 1e6, better)
        for one, better in ((LLVM, Better.LESS), (QEMU, Better.NEITHER))
        for what in measured
    )


def case(
    name: str,
    guest: str,
    purpose: str,
    figures: tuple[Figure, ...],
    bars: tuple[Bar, ...] = (),
    smp: int = 1,
) -> Case:
    """A guest that measures itself, on llvm and on QEMU; its first hart does."""
    return Case(
        name=f"system.{name}",
        purpose=purpose,
        guest=guest,
        variants=(
            Variant(LLVM, engine="llvm", smp=smp),
            Variant(QEMU, "qemu", smp=smp, settings={"version": "7.2"}),
        ),
        figures=figures,
        bars=bars,
        same_output=False,
        rounds=FEW_ROUNDS,
    )


OPERATIONS_CASE = case(
    "operations",
    "operations",
    "system instructions, traps and accesses to devices, loop included, against QEMU 7.2",
    tuple(over_qemu(what) for what in OPERATIONS),
    tuple(Bar(what, Side.AT_MOST, 1.5, EACH) for what in OPERATIONS),
    smp=2,  # with one QEMU orders nothing
)
TICKS_CASE = case(
    "ticks",
    "ticks",
    "what a timer interrupt takes from a loop that computes",
    beside_qemu(*TICKS),
    tuple(Bar(what, Side.AT_MOST, 20.0, TICK) for what in TICKS[1:]),
)
WAITS_CASE = case(
    "waits",
    "waits",
    "how late a hart goes on that waits for its timer in wfi",
    beside_qemu(LATE),
)
PATCHES_CASE = case(
    "patches",
    "patches",
    "an instruction rewritten, fence.i, its function called, against QEMU 7.2",
    (over_qemu("patch"),),
    (Bar("patch", Side.AT_MOST, 1.0, PATCH),),
)
COLD_CASE = case(
    "cold-code",
    "cold",
    "400 functions with many branches, no two alike, called once each, against QEMU 7.2",
    (
        over_qemu(FIRST_CALLS),
        Figure(LONGEST_CALL, ((LLVM, LONGEST_CALL, 1),), "ms", 1e3),
    ),
    (
        Bar(FIRST_CALLS, Side.AT_MOST, 1.0, COLD),
        Bar(LONGEST_CALL, Side.AT_MOST, 1.0, LONGEST),
    ),
)
