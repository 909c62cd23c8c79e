"""The peers: the same ELF and the same work on other emulators, with what they offer for counting.

How QEMU's overhead grows with the vCPUs is in `scaleout`.
"""

from collections.abc import Iterator

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.figures import ratio, time_over
from mttcg_bench.model import FEW_ROUNDS, Better, Case, Figure, Variant

OURS = "mttcg"
SPEED = (
    Variant(OURS, engine="llvm"),
    Variant("QEMU 7.2", "qemu", settings={"version": "7.2"}),
    Variant("QEMU 10.0", "qemu", settings={"version": "10.0"}),
    Variant("Unicorn", "python_peers", settings={"peer": "unicorn"}),
    Variant("Qiling", "python_peers", settings={"peer": "qiling"}),
    Variant("Icicle", "python_peers", settings={"peer": "icicle"}),
    Variant("host", "native"),
)
QEMU_PLUGINS = tuple(
    Variant(
        f"QEMU {version}, {what} {how}",
        "qemu",
        settings={"version": version, "what": what, "how": how},
    )
    for version in ("7.2", "10.0")
    for what in ("instructions", "accesses")
    for how in ("inline", "callback")
)
OUR_PLUGINS = (
    Variant("mttcg, instructions inline", engine="llvm", plugins=("icount",)),
    Variant("mttcg, accesses by probe", engine="llvm", plugins=("{bench}/access_probe.py",)),
)
HOOKS = (
    Variant(OURS, engine="llvm"),
    Variant("mttcg, block", engine="llvm", plugins=("{bench}/every_block.py",), counts="blocks"),
    *(
        Variant(f"{peer}, {hook}", "python_peers", settings={"peer": peer.lower(), "hook": hook})
        for peer in ("Unicorn", "Qiling")
        for hook in ("block", "memory")
    ),
)


def rate(variant: str) -> Figure:
    """Guest instructions a second; they are those that mttcg counted."""
    terms = ratio((OURS, "instructions", 1), (variant, "guest", 1))
    return Figure(f"{variant}: instructions", terms, "M/s", 1e-6, Better.MORE)


def event_rate(variant: str) -> Figure:
    """Python calls a second."""
    terms = ratio((variant, "events", 1), (variant, "guest", 1))
    return Figure(f"{variant}: events", terms, "M/s", 1e-6, Better.MORE)


def cases(_choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    others = SPEED[1:]
    yield Case(
        name="peers.mix",
        purpose="the same ELF with nothing attached, one hart",
        guest="mix",
        symbols={"rounds": 300},
        rounds=FEW_ROUNDS,
        variants=SPEED,
        figures=(
            *(rate(one.name) for one in SPEED),
            *(time_over(f"{one.name} over {OURS}", one.name, OURS, better=Better.MORE)
              for one in others),
        ),
    )  # fmt: skip
    yield Case(
        name="peers.counting",
        purpose="counting natively: QEMU's plugins in C beside ours in Python, one hart",
        guest="mix",
        symbols={"rounds": 300},
        rounds=FEW_ROUNDS,
        variants=(Variant(OURS, engine="llvm"), *OUR_PLUGINS, *QEMU_PLUGINS),
        figures=tuple(rate(one.name) for one in (*OUR_PLUGINS, *QEMU_PLUGINS)),
    )
    yield Case(
        name="peers.hooks",
        purpose="a Python function called for every event, one hart",
        guest="mix",
        symbols={"rounds": 1},
        rounds=FEW_ROUNDS,
        variants=HOOKS,
        figures=tuple(event_rate(one.name) for one in HOOKS[1:]),
    )
    yield threads_case()
    yield exactness_case()


def threads_case() -> Case:
    """Two harts: in parallel here, on QEMU with a thread for each and with one for all."""
    variants = (
        Variant(OURS, engine="llvm", smp=2),
        *(
            Variant(f"QEMU {version}, {thread}", "qemu", smp=2,
                    settings={"version": version, "thread": thread})
            for version in ("7.2", "10.0") for thread in ("multi", "single")
        ),
    )  # fmt: skip
    return Case(
        name="peers.threads",
        purpose="2 harts with work of their own: a thread for each, or one for all",
        guest="mix",
        symbols={"rounds": 200},
        rounds=FEW_ROUNDS,
        variants=variants,
        figures=tuple(rate(one.name) for one in variants),
    )


def exactness_case() -> Case:
    """What is counted inline over what was executed, 2 harts.

    In QEMU a callback counts beside it, into a word of each vCPU's own; in mttcg the engine's own
    counters do, and a difference fails the case.
    """
    ours = (
        Variant("mttcg, instructions", engine="llvm", smp=2, plugins=("icount",),
                counts="instructions"),
        Variant("mttcg, hotblocks", engine="llvm", smp=2, plugins=("hotblocks",), counts="blocks"),
    )  # fmt: skip
    theirs = tuple(
        Variant(
            f"QEMU {version}, {what}",
            "qemu",
            smp=2,
            settings={"version": version, "what": what, "how": "checked"},
        )
        for version in ("7.2", "10.0")
        for what in ("instructions", "accesses", "hotblocks")
    )
    truths = {ours[0].name: "instructions", ours[1].name: "blocks"}
    return Case(
        name="peers.exactness",
        purpose="events counted inline over those that happened, 2 harts",
        guest="mix",
        symbols={"rounds": 100},
        rounds=FEW_ROUNDS,
        variants=(*ours, *theirs),
        figures=tuple(
            Figure(
                f"{one.name}: counted",
                ratio((one.name, "events", 1), (one.name, truths.get(one.name, "executed"), 1)),
                "%",
                100.0,
                Better.MORE,
            )
            for one in (*ours, *theirs)
        ),
    )
