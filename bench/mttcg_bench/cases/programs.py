"""Programs as people write them: their code is spread, their blocks are small, their calls many."""

from collections.abc import Iterator

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.model import FEW_ROUNDS, Bar, Better, Case, Figure, Side, Term, Variant

QEMU = {"version": "7.2"}
TWO_SECONDS = {
    "aes": 7000,
    "bytecode": 3500,
    "compress": 3000,
    "fourier": 18_000,
    "jpeg": 2000,
    "json": 60_000,
    "regex": 3000,
    "script": 1600,
    "shapes": 3200,
    "squares": 900,
    "trees": 1000,
}
"""How often each program does its work, for about two seconds of QEMU's."""
SIZES = {"short": (20, 0.5, 0.8), "long": (1, 1.5, 2.2)}
"""By how much a run is shorter; at least so many times as fast as QEMU, and what is hoped for."""
WHOLE = "whole runs, QEMU 7.2 over llvm"


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    if choice.has_engine("llvm"):
        for size in SIZES:
            yield corpus(size)


def corpus(size: str) -> Case:
    """All programs, on llvm and on QEMU; geometric means over them."""
    shorter, least, goal = SIZES[size]
    variants = tuple(
        variant
        for program, rounds in TWO_SECONDS.items()
        for variant in pair(program, {"rounds": rounds // shorter})
    )
    claim = f"llvm: programs of {2 / shorter:g} s of QEMU's, whole runs by the clock"
    return Case(
        name=f"programs.{size}",
        purpose=f"real programs, about {2 / shorter:g} s each on QEMU 7.2: geometric means",
        variants=variants,
        figures=(
            mean_over_qemu(WHOLE, "wall"),
            mean_over_qemu("inside, QEMU 7.2 over llvm", "guest"),
            *(of_program(program) for program in TWO_SECONDS),
        ),
        bars=(Bar(WHOLE, Side.AT_LEAST, least, claim, goal),),
        rounds=FEW_ROUNDS,
    )


def pair(program: str, symbols: dict[str, int]) -> tuple[Variant, Variant]:
    """A program on both."""
    return (
        Variant(program, engine="llvm", guest=program, symbols=symbols),
        Variant(on_qemu(program), "qemu", settings=QEMU, guest=program, symbols=symbols),
    )


def on_qemu(program: str) -> str:
    """The name of the variant."""
    return f"{program} on QEMU"


def terms(program: str, metric: str, exponent: float) -> tuple[Term, Term]:
    """QEMU's time over ours."""
    return (on_qemu(program), metric, exponent), (program, metric, -exponent)


def mean_over_qemu(name: str, metric: str) -> Figure:
    """The geometric mean over all programs."""
    share = 1 / len(TWO_SECONDS)
    every = tuple(term for one in TWO_SECONDS for term in terms(one, metric, share))
    return Figure(name, every, "times", better=Better.MORE)


def of_program(program: str) -> Figure:
    """One program's time inside."""
    return Figure(f"{program}: inside", terms(program, "guest", 1), "times", better=Better.MORE)
