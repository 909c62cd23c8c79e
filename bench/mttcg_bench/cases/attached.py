"""What is attached to a guest, by the name that figures and `--plugins` have for it."""

from dataclasses import dataclass, field
from pathlib import Path

from mttcg_bench.errors import UnknownName

NOTHING = "nothing"
CALLS_OF_A_ROUND = 10946
"""Calls of fibonacci in a round of mix: as many as the 21st Fibonacci number, as the compiler made
a loop of the second of its two calls."""

BUNDLED = {
    "coverage": 1.0,
    "howvec": 1.0,
    "callgraph": 0.05,
    "timeline": 0.05,
    "locks": 0.012,
    "sharing": 0.012,
    "races": 0.006,
    "cache": 0.006,
}
"""The other plugins that come with mttcg, and their share of the rounds; they have no count."""


@dataclass(frozen=True)
class Attached:
    """Plugins, and what is expected of them.

    Args:
        purpose: one line for people.
        plugins: specs; "{bench}" is the folder of this package's plugins, "{scratch}" one for
            the files of a run.
        arguments: further arguments of `mttcg run`.
        counts: the metric that the events have to equal, "" if there is none.
        events: what an event is, "" if there are none.
        share: of the rounds of others that it can do in about the same time.
    """

    purpose: str
    plugins: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    counts: str = ""
    events: str = ""
    share: float = 1.0
    settings: dict[str, object] = field(default_factory=dict)


def probe(name: str, purpose: str, counts: str, events: str, share: float = 1.0) -> Attached:
    """A probe of this package's."""
    return Attached(purpose, (f"{{bench}}/{name}.py",), counts=counts, events=events, share=share)


ATTACHED = {
    NOTHING: Attached("the same command without a plugin"),
    "empty": Attached("a plugin that does nothing", ("empty",)),
    "icount": Attached(
        "instructions and blocks counted inline", ("icount",), (), "instructions", "instructions"
    ),
    "hotblocks": Attached(
        "executions of every block counted inline", ("hotblocks",), (), "blocks", "blocks"
    ),
    "block-probe": probe("block_probe", "a probe on every block", "blocks", "blocks"),
    "instruction-probe": probe(
        "instruction_probe", "a probe on every instruction", "instructions", "instructions", 0.5
    ),
    "access-probe": probe(
        "access_probe", "a probe per memory access, counting per page", "", "accesses"
    ),
    "memtrace": Attached(
        "every access recorded without loss, and counted per page by the aggregator",
        ("memtrace",),
        events="records",
        share=0.25,
    ),
    "memtrace-drop": Attached(
        "every access recorded; what the aggregator is too slow for is dropped and counted",
        ("memtrace",),
        ("--policy", "memtrace=drop"),
        events="records",
        share=0.25,
    ),
    "execlog": Attached(
        "a line of text for every instruction, written to /dev/null",
        ("execlog,out=/dev/null",),
        counts="instructions",
        events="instructions",
        share=0.01,
    ),
    "execlog-file": Attached(
        "the same, written to a file",
        ("execlog,out={scratch}/lines.log",),
        counts="instructions",
        events="instructions",
        share=0.01,
    ),
    "callback": Attached(
        "a Python callback at the entry of one function that is called often",
        ("{bench}/callback.py,pc={fibonacci}",),
        counts="calls",
        events="calls",
        share=0.05,
        settings={"calls_of_a_round": CALLS_OF_A_ROUND},
    ),
    **{
        name: Attached(f"the plugin {name}", (name,), share=share)
        for name, share in BUNDLED.items()
    },
}


def attached(name: str) -> Attached:
    """What a name stands for; a file of a plugin stands for itself. Raises UnknownName."""
    if name in ATTACHED:
        return ATTACHED[name]
    if name.endswith(".py"):
        return Attached(f"the plugin {Path(name).name}", (str(Path(name).resolve()),))
    raise UnknownName("plugin", name, [*ATTACHED, "FILE.py"])


def label_of(name: str) -> str:
    """What to call it in figures."""
    return Path(name).stem if name.endswith(".py") else name
