"""The engines, with nothing attached: against QEMU, against the host, against Unicorn alone."""

from collections.abc import Iterator
from dataclasses import replace

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.figures import cpu_over, per_second, ratio, time_over, work
from mttcg_bench.cases.turns import deterministic
from mttcg_bench.model import FEW_ROUNDS, Bar, Better, Case, Figure, Resource, Side, Variant

QEMU = {"version": "7.2"}
OVER_QEMU, OVER_HOST, OVER_GCC = "QEMU 7.2 over llvm", "llvm over host", "llvm over gcc -O2"
FASTER = {
    # guest: rounds, the least over QEMU and what is hoped for
    "mix": (1500, 1.8, 2.5),
    "calls": (4000, 1.0, None),
    "flops": (3000, 1.0, None),
    "memory": (5, None, None),
}
"""Guests that compute, for a second or two on the llvm engine."""
ON_HOST: dict[str, tuple[float, float | None]] = {"mix": (2.0, 1.2), "calls": (2.5, None)}
"""By guest, of the time of its host-native build: at most, and what is hoped for."""


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    if choice.has_engine("llvm"):
        for guest, (rounds, least, goal) in FASTER.items():
            yield faster_case(guest, rounds, least, goal)
        yield from (TWO_HARTS, ATOMICS, TRANSLATION, INTERPRETER, PAGED)
        without_a_claim = (LOCKS, ONCE, WARMING, SHARED_CODE, MEMORY, LITMUS)
        yield from (replace(case, rounds=FEW_ROUNDS) for case in without_a_claim)
        yield deterministic()
    if choice.has_engine("unicorn"):
        yield UNICORN


def faster_case(guest: str, rounds: int, least: float | None, goal: float | None) -> Case:
    """A guest on the llvm engine against QEMU, and against its C compiled for the host."""
    bars = []
    if least is not None:
        bars.append(Bar(OVER_QEMU, Side.AT_LEAST, least, f"llvm: {guest} against QEMU", goal))
    if guest in ON_HOST:
        most, hoped = ON_HOST[guest]
        bars.append(Bar(OVER_HOST, Side.AT_MOST, most, f"llvm: {guest} against the host", hoped))
    if guest == "mix":
        bars.append(Bar(OVER_GCC, Side.AT_MOST, most, "llvm: mix against the host by gcc", hoped))
    return Case(
        name=f"engines.{guest}",
        purpose="time inside the guest on llvm, on QEMU 7.2, and of the same C compiled for here",
        guest=guest,
        bound_by=Resource.MEMORY if guest == "memory" else Resource.CORE,
        symbols={"rounds": rounds},
        variants=(
            Variant("llvm", engine="llvm"),
            Variant("QEMU", "qemu", settings=QEMU),
            Variant("host", "native"),
            *([Variant("gcc", "native", settings={"compiler": "gcc"})] if guest == "mix" else []),
        ),
        figures=(
            time_over(OVER_QEMU, "QEMU", "llvm", better=Better.MORE),
            time_over(OVER_HOST, "llvm", "host"),
            *([time_over(OVER_GCC, "llvm", "gcc")] if guest == "mix" else []),
            per_second("instructions", "llvm", "instructions"),
        ),
        bars=tuple(bars),
    )


def shared_case(name: str, guest: str, rounds: int, purpose: str, claim: str = "") -> Case:
    """Two harts on memory that both write, against QEMU with a thread for each."""
    pair = (
        Variant("llvm", engine="llvm", smp=2),
        Variant("QEMU", "qemu", smp=2, settings=QEMU),
    )
    bars = (Bar(OVER_QEMU, Side.AT_LEAST, 1.0, claim),) if claim else ()
    rates = [
        Figure(f"{one.name}: rounds", ((one.name, "guest", -1),), "M/s", 2e-6 * rounds, Better.MORE)
        for one in pair
    ]
    return Case(
        name=f"engines.{name}",
        purpose=purpose,
        guest=guest,
        symbols={"rounds": rounds},
        variants=pair,
        figures=(time_over(OVER_QEMU, "QEMU", "llvm", better=Better.MORE), *rates),
        bars=bars,
    )


ATOMICS = shared_case(
    "atomics",
    "adds",
    20_000_000,
    "amoadd of 2 harts on one word; the guest fails if the total is not exact",
    "llvm: shared-counter amoadd not slower than QEMU's",
)
LOCKS = shared_case(
    "locks",
    "counter",
    2_000_000,
    "a shared counter and two locks, 2 harts; the guest fails if a total is not exact",
)

EXECUTED = "CPU time of an executed instruction"
ONCE = Case(
    name="engines.once",
    purpose="code that runs once: what translating it costs",
    guest="once",
    symbols={"rounds": 1},
    variants=(
        Variant("llvm", engine="llvm"),
        Variant("unicorn"),
    ),
    figures=(
        Figure(
            EXECUTED,
            ratio(("llvm", "vcpu_cpu", 1), ("llvm", "instructions", 1)),
            "us",
            1e6,
        ),
        time_over("llvm over unicorn", "llvm", "unicorn"),
    ),
)

UNTIL_FAST = "until fast"
WARMING = Case(
    name="engines.warming",
    purpose="a guest that has had 56 phases, until its last 8 functions run at 0.9 of their speed",
    guest="warming",
    symbols={"rounds": 2500},
    variants=(Variant("llvm", engine="llvm"),),
    figures=(Figure(UNTIL_FAST, (("llvm", UNTIL_FAST, 1),), "s"),),
    same_output=False,
)

HOTBLOCKS = "hotblocks: CPU"
INTERPRETER = Case(
    name="engines.interpreter",
    purpose="mix in the interpreter alone, and with blocks counted there",
    guest="mix",
    symbols={"rounds": 60},
    variants=(
        Variant("interpreter", engine="llvm", tiers="interpreter"),
        Variant(
            "hotblocks",
            engine="llvm",
            tiers="interpreter",
            plugins=("hotblocks",),
            counts="blocks",
        ),
    ),
    figures=(
        per_second("instructions", "interpreter", "instructions"),
        cpu_over(HOTBLOCKS, "hotblocks", "interpreter"),
    ),
    bars=(
        Bar("instructions", Side.AT_LEAST, 300.0, "llvm: the interpreter alone at 300 M/s"),
        Bar(HOTBLOCKS, Side.AT_MOST, 1.3, "llvm: hotblocks in the interpreter at most 1.3"),
    ),
)

PER_INSTRUCTION = "translation of an instruction"
TRANSLATION = Case(
    name="engines.translation",
    purpose="pages of 400 instructions and more, translated, all included",
    guest="once",
    variants=(
        Variant("pages", "translation", settings={"functions": "step_", "instructions": 400}),
    ),
    figures=(
        Figure(
            PER_INSTRUCTION, (("pages", "seconds", 1), ("pages", "instructions", -1)), "us", 1e6
        ),
        Figure(
            "code of an instruction", (("pages", "code", 1), ("pages", "instructions", -1)), "B"
        ),
    ),
    bars=(Bar(PER_INSTRUCTION, Side.AT_MOST, 200.0, "llvm: at most 200 us a guest instruction"),),
)

PAGED_OVER_PLAIN = "paged over mix: CPU"
PAGED = Case(
    name="engines.paged",
    purpose="what mix computes, in supervisor mode under Sv39 and in machine mode without",
    guest="mix",
    symbols={"rounds": 6000},
    variants=(
        Variant("plain", engine="llvm"),
        Variant("Sv39", engine="llvm", guest="paged"),
    ),
    figures=(cpu_over(PAGED_OVER_PLAIN, "Sv39", "plain"),),
    bars=(
        Bar(
            PAGED_OVER_PLAIN,
            Side.AT_MOST,
            1.3,
            "llvm: translated addresses at most 1.3 times the time",
        ),
    ),
)

TWO_HARTS = Case(
    name="engines.two-harts",
    purpose="mix on llvm, 2 harts with work of their own, 7 seconds or so",
    guest="mix",
    symbols={"rounds": 12_000},
    variants=(
        Variant("1 hart", engine="llvm"),
        Variant("2 harts", engine="llvm", smp=2),
        Variant("1 process of the host", "native"),
        Variant("2 processes of the host", "native", settings={"processes": 2}),
    ),
    figures=(
        work("work of 2", "1 hart", "2 harts", 2),
        # what the machine gives two programs that have nothing in common
        work(
            "work of 2 processes of the host",
            "1 process of the host",
            "2 processes of the host",
            2,
            "wall",
        ),
    ),
    bars=(
        Bar(
            "work of 2",
            Side.AT_LEAST,
            1.9,
            "Two harts on two cores do at least 1.9 times the work of one",
        ),
    ),
)

MORE_BLOCKS = "blocks translated by 2 harts over those by 1"
SHARED_CODE = Case(
    name="engines.shared-code",
    purpose="a second vCPU on the same code: what the first had translated is not again",
    guest="mix",
    symbols={"rounds": 50},
    variants=(
        Variant("1 hart", engine="llvm"),
        Variant("2 harts", engine="llvm", smp=2),
    ),
    figures=(
        Figure(
            MORE_BLOCKS,
            ratio(("2 harts", "translations", 1), ("1 hart", "translations", 1)),
            "times",
        ),
    ),
    bars=(
        # 2 harts wait for each other in a few blocks that one alone never enters
        Bar(MORE_BLOCKS, Side.AT_MOST, 1.1, "llvm: a second vCPU translates nothing again"),
    ),
)

MEMORY = Case(
    name="engines.memory-use",
    purpose="memory of a vCPU process of its own, with a guest of 16 MB",
    guest="mix",
    symbols={"rounds": 2000},
    variants=(
        Variant("2 harts", smp=2, engine="llvm", settings={"arguments": ("--memory", "16M")}),
    ),
    figures=(Figure("unique", (("2 harts", "unique", 1),), "MB", factor=1e-6),),
    bars=(Bar("unique", Side.AT_MOST, 150.0, "llvm: at most 150 MB a vCPU process"),),
)

LITMUS = Case(
    name="engines.litmus",
    purpose="2 harts; the guest fails if it sees an outcome that RVWMO forbids",
    guest="litmus",
    symbols={"rounds": 100_000},
    variants=(Variant("2 harts", smp=2, engine="llvm"),),
    figures=(Figure("time", (("2 harts", "guest", 1),), "s"),),
    same_output=False,
)

BARE, SPLIT, VIRTUAL = "Unicorn", "Unicorn, code apart", "Unicorn, virtual TLB"
PROBES = {"block-probe": "block_probe", "access-probe": "access_probe"}
COUNTING = "The same, over Unicorn alone: counting at most 1.5 times"
ACCESSES = "The same, over Unicorn alone: a probe per access at most 7 times"


def rate(variant: str) -> Figure:
    """Guest instructions a CPU second; they are those that mttcg counted."""
    terms = (("unicorn engine", "instructions", 1), (variant, "vcpu_cpu", -1))
    return Figure(f"{variant}: instructions", terms, "M/s", 1e-6, Better.MORE)


UNICORN = Case(
    name="engines.unicorn",
    purpose="the same guest on Unicorn alone, in three ways to map RAM, and on our engine of it",
    guest="mix",
    symbols={"rounds": 60},
    rounds=FEW_ROUNDS,
    variants=(
        Variant(BARE, "unicorn", settings={"mapping": "whole"}),
        Variant(SPLIT, "unicorn", settings={"mapping": "apart"}),
        Variant(VIRTUAL, "unicorn", settings={"mapping": "virtual"}),
        Variant("unicorn engine"),
        Variant("icount", plugins=("icount",), counts="instructions"),
        *(Variant(name, plugins=(f"{{bench}}/{file}.py",)) for name, file in PROBES.items()),
    ),
    figures=(
        *(rate(variant) for variant in (BARE, SPLIT, VIRTUAL, "unicorn engine")),
        *(
            cpu_over(f"{variant} over {BARE}", variant, BARE)
            for variant in ("unicorn engine", "icount", "block-probe", "access-probe")
        ),
    ),
    bars=(
        Bar(f"icount over {BARE}", Side.AT_MOST, 1.5, COUNTING),
        Bar(f"block-probe over {BARE}", Side.AT_MOST, 1.5, COUNTING),
        Bar(f"access-probe over {BARE}", Side.AT_MOST, 7.0, ACCESSES),
    ),
)
