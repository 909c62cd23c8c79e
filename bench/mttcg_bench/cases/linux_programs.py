"""Programs of Linux that are run as if they were the host's, `mttcg exec`."""

from collections.abc import Iterator

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

PROGRAM, BARE = "exec hello", "run hello.elf"
BEYOND = "exec hello, beyond a bare-metal hello"


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The case of `exec`."""
    if choice.has_engine("llvm"):
        yield hello()


def hello() -> Case:
    """Linux that was started before, and a program in it, beside a guest without a system."""
    figures = (
        Figure(BARE, ((PROGRAM, "bare", 1),), "s"),
        Figure(PROGRAM, ((PROGRAM, "wall", 1),), "s"),
        Figure(BEYOND, ((PROGRAM, "beyond", 1),), "s"),
    )
    return Case(
        name="linux.exec",
        purpose="the whole command `mttcg exec -- ./hello`, once warm, and `mttcg run hello.elf`",
        guest="hello",
        variants=(Variant(PROGRAM, "exec", engine="llvm"),),
        figures=figures,
        bars=(Bar(BEYOND, Side.AT_MOST, 1, "llvm: exec of hello within 1 s beyond a bare hello"),),
        rounds=FEW_ROUNDS,
    )
