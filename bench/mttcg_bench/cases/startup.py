"""What a whole command takes for a guest that does next to nothing."""

from collections.abc import Iterator

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

NOTHING, BEYOND = "llvm", "llvm beyond Python's own start"
VARIANTS = (
    Variant("python", "python"),
    Variant(NOTHING, engine="llvm"),
    Variant(BEYOND, "beyond", engine="llvm"),
    Variant("unicorn"),
    Variant("icount", engine="llvm", plugins=("icount",)),
    Variant("block-probe", engine="llvm", plugins=("{bench}/block_probe.py",)),
    Variant("memtrace", engine="llvm", plugins=("memtrace",)),
    Variant("4 harts", engine="llvm", smp=4),
    Variant(
        "memtrace, nothing compiled yet",
        engine="llvm",
        plugins=("memtrace",),
        settings={"cold": True},
    ),
)


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    variants = [one for one in VARIANTS if one.tool != "command" or choice.has_engine(one.engine)]
    figures = tuple(
        Figure(one.name, ((one.name, "beyond" if one.name == BEYOND else "wall", 1),), "s")
        for one in variants
    )
    bars = (
        Bar(NOTHING, Side.AT_MOST, 1.5, "llvm: hello within 1.5 s"),
        Bar(BEYOND, Side.AT_MOST, 0.45, "llvm: hello within 0.45 s beyond Python's own start"),
    )
    yield Case(
        name="startup.hello",
        purpose="the whole command `mttcg run hello.elf`, from the shell to the shell",
        guest="hello",
        variants=tuple(variants),
        figures=figures,
        bars=tuple(bar for bar in bars if bar.figure in {one.name for one in variants}),
        same_output=False,
        rounds=FEW_ROUNDS,
    )
