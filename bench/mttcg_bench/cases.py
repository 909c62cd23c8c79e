"""The cases, as data.

Metrics of a run by `mttcg run`: `guest` (wall seconds of the longest vCPU, running and idle, from
its engine's start to the guest's end), `vcpu_cpu` (CPU seconds of all vCPU processes, from their
fork), `all_cpu` (of all processes of the command), `wall` (of the whole command), `delivered`
(`guest` and what it took until the last record was delivered), `instructions`, `blocks`, `events`
(what the plugin saw). Other tools give what of these they have.
"""

from collections.abc import Iterable

from mttcg_bench.model import Bar, Case, Figure, Side, Term, Variant

PROBES = "bench/plugins"
FEW_ROUNDS = 100
"""Rounds of `mix` for what costs many times the run itself: 1 s uninstrumented."""
ROUNDS = 300
"""Rounds of `mix`: 3 s uninstrumented on a machine of 2024."""

PROBE_BLOCK = f"{PROBES}/block_probe.py"
PROBE_INSTRUCTION = f"{PROBES}/instruction_probe.py"
PROBE_ACCESS = f"{PROBES}/access_probe.py"

COUNTING = "Block and instruction counting on mix cost at most 1.5 times the uninstrumented run"
ACCESSES = "A probe per memory access costs at most 7 times the uninstrumented run"
EMPTY = "empty is within noise"
SCALES = "Two harts on two cores do at least 1.8 times the work of one in the same time"
GROWS = (
    "No plugin's overhead at 2 vCPUs, in CPU time of the vCPU processes, is more than 1.1 times "
    "its overhead at 1"
)
WITHIN_NOISE = 1.03
"""What an unchanged run varies by, as median of pairs, on a machine that is otherwise idle."""


def ratio(over: Term, under: Term) -> tuple[Term, Term]:
    """One term over another."""
    return (over, (*under[:2], -under[2]))


def per_second(name: str, variant: str, counted: str, seconds: str = "guest") -> Figure:
    """Millions of something a second."""
    return Figure(name, ratio((variant, counted, 1), (variant, seconds, 1)), "M/s", factor=1e-6)


def overhead_case(
    plugin: str,
    spec: str,
    purpose: str,
    bars: Iterable[Bar] = (),
    rounds: int = ROUNDS,
    counts: str = "",
    events: str = "",
    engine: str = "unicorn",
    extra: tuple[Figure, ...] = (),
) -> Case:
    """A plugin against nothing, with 1 and with 2 harts that have work of their own."""
    with_one, with_two = f"{plugin}, 1 hart", f"{plugin}, 2 harts"
    one, two = "nothing, 1 hart", "nothing, 2 harts"
    cpu_one = ratio((with_one, "vcpu_cpu", 1), (one, "vcpu_cpu", 1))
    cpu_two = ratio((with_two, "vcpu_cpu", 1), (two, "vcpu_cpu", 1))
    inverse = tuple((variant, metric, -exponent) for variant, metric, exponent in cpu_one)
    return Case(
        name=f"{'overhead' if engine == 'unicorn' else engine}.{plugin}",
        purpose=purpose,
        guest="mix",
        symbols={"rounds": rounds},
        variants=(
            Variant(one, engine=engine),
            Variant(with_one, engine=engine, plugins=(spec,), counts=counts),
            Variant(two, engine=engine, smp=2),
            Variant(with_two, engine=engine, smp=2, plugins=(spec,), counts=counts),
        ),
        figures=(
            Figure("CPU, 1 hart", cpu_one, "times"),
            Figure("CPU, 2 harts", cpu_two, "times"),
            Figure("growth of CPU", (*cpu_two, *inverse), "times"),
            Figure("time, 1 hart", ratio((with_one, "guest", 1), (one, "guest", 1)), "times"),
            Figure("time, 2 harts", ratio((with_two, "guest", 1), (two, "guest", 1)), "times"),
            *([per_second(f"{events}, 1 hart", with_one, "events")] if events else ()),
            *extra,
        ),
        bars=(*bars, Bar("growth of CPU", Side.AT_MOST, 1.1, GROWS)),
    )


OVERHEAD = (
    overhead_case(
        "empty",
        "empty",
        "a plugin that does nothing",
        [Bar("CPU, 1 hart", Side.AT_MOST, WITHIN_NOISE, EMPTY)],
    ),
    overhead_case(
        "icount",
        "icount",
        "instructions and blocks counted inline",
        [Bar("CPU, 1 hart", Side.AT_MOST, 1.5, COUNTING)],
        counts="instructions",
    ),
    overhead_case(
        "block-probe",
        PROBE_BLOCK,
        "a probe on every block, counting blocks and instructions",
        [Bar("CPU, 1 hart", Side.AT_MOST, 1.5, COUNTING)],
        counts="blocks",
        events="blocks",
    ),
    overhead_case("hotblocks", "hotblocks", "executions of every block counted inline"),
    overhead_case(
        "instruction-probe",
        PROBE_INSTRUCTION,
        "a probe on every instruction",
        rounds=FEW_ROUNDS,
        counts="instructions",
        events="instructions",
    ),
    overhead_case(
        "access-probe",
        PROBE_ACCESS,
        "a probe per memory access, counting per page",
        [Bar("CPU, 1 hart", Side.AT_MOST, 7.0, ACCESSES)],
        rounds=FEW_ROUNDS,
        events="accesses",
    ),
    overhead_case(
        "memtrace",
        "memtrace",
        "every access recorded, without loss, and counted per page by the aggregator",
        rounds=FEW_ROUNDS,
        events="records",
    ),
    overhead_case(
        "callback",
        f"{PROBES}/callback.py,pc={{fibonacci}}",
        "a Python callback at the entry of one function that is called often",
        rounds=FEW_ROUNDS,
        events="calls",
    ),
)

SCALING = Case(
    name="scaling.mix",
    purpose="work of 2 harts, each with its own, in the time that 1 takes for its",
    guest="mix",
    symbols={"rounds": ROUNDS},
    variants=(Variant("1 hart"), Variant("2 harts", smp=2)),
    figures=(
        Figure("work", (("1 hart", "guest", 1), ("2 harts", "guest", -1)), "times", factor=2),
        Figure(
            "work, if both had a core",
            (("1 hart", "vcpu_cpu", 1), ("2 harts", "vcpu_cpu", -1)),
            "times",
            factor=4,
        ),
        per_second("instructions, 1 hart", "1 hart", "instructions"),
        per_second("instructions, 2 harts", "2 harts", "instructions"),
    ),
    bars=(Bar("work", Side.AT_LEAST, 1.8, SCALES),),
)


def rate(variant: str, counted: str = "mttcg") -> Figure:
    """Guest instructions a CPU second; for tools that do not count, those that mttcg counted."""
    terms = ((counted, "instructions", 1), (variant, "vcpu_cpu", -1))
    return Figure(f"{variant}: instructions", terms, "M/s", factor=1e-6)


def cpu_over(variant: str, base: str) -> Figure:
    """CPU time over that of the same guest on something else."""
    terms = ratio((variant, "vcpu_cpu", 1), (base, "vcpu_cpu", 1))
    return Figure(f"{variant} over {base}", terms, "times")


BARE, SPLIT, VIRTUAL = "Unicorn", "Unicorn, code apart", "Unicorn, virtual TLB"

UNICORN = Case(
    name="engines.unicorn",
    purpose="the same guest on Unicorn alone, in three ways to map RAM, and on mttcg",
    guest="mix",
    symbols={"rounds": FEW_ROUNDS},
    variants=(
        Variant(BARE, "unicorn", settings={"mapping": "whole"}),
        Variant(SPLIT, "unicorn", settings={"mapping": "apart"}),
        Variant(VIRTUAL, "unicorn", settings={"mapping": "virtual"}),
        Variant("mttcg"),
        Variant("icount", plugins=("icount",), counts="instructions"),
        Variant("block-probe", plugins=(PROBE_BLOCK,), counts="blocks"),
        Variant("access-probe", plugins=(PROBE_ACCESS,)),
    ),
    figures=(
        *(rate(variant) for variant in (BARE, SPLIT, VIRTUAL, "mttcg")),
        cpu_over("mttcg", BARE),
        cpu_over("icount", BARE),
        cpu_over("block-probe", BARE),
        cpu_over("access-probe", BARE),
        cpu_over("mttcg", VIRTUAL),
        cpu_over("icount", VIRTUAL),
        cpu_over("access-probe", VIRTUAL),
    ),
    bars=(
        Bar(f"icount over {BARE}", Side.AT_MOST, 1.5, COUNTING),
        Bar(f"block-probe over {BARE}", Side.AT_MOST, 1.5, COUNTING),
        Bar(f"access-probe over {BARE}", Side.AT_MOST, 7.0, ACCESSES),
    ),
)

QEMU = Case(
    name="engines.qemu",
    purpose="QEMU (TCG), uninstrumented: what it takes less what a run of 0 rounds takes",
    guest="mix",
    symbols={"rounds": ROUNDS},
    variants=(Variant("mttcg"), Variant("QEMU", "qemu")),
    figures=(
        rate("mttcg"),
        rate("QEMU"),
        cpu_over("mttcg", "QEMU"),
    ),
)

BUS = Case(
    name="bus.throughput",
    purpose="records of 32 bytes from one producer process to one numpy reducer, nothing lost",
    variants=(
        Variant("ring", "ring", settings={"records": 20_000_000}),
        Variant("bus", "bus", settings={"records": 20_000_000}),
    ),
    figures=(
        Figure("ring alone", (("ring", "records", 1), ("ring", "seconds", -1)), "M/s", factor=1e-6),
        Figure(
            "ring, publisher, subscriber",
            (("bus", "records", 1), ("bus", "seconds", -1)),
            "M/s",
            factor=1e-6,
        ),
    ),
)


def records_case(name: str, how: str, borrow: bool, least: float, claim: str) -> Case:
    """Records of 16 bytes a second from one producer to one reducer."""
    settings = {"records": 200_000_000, "itemsize": 16, "borrow": borrow}
    return Case(
        name=f"bus.records-{name}",
        purpose=f"records of 16 bytes from one producer process to one numpy reducer, {how}",
        variants=(Variant(name, "bus", settings=settings),),
        figures=(per_second("records", name, "records", "seconds"),),
        bars=(Bar("records", Side.AT_LEAST, least, claim),),
    )


SHARED = "200 M records of 16 bytes a second from a producer to a reducer on the same host"
SOCKET = "40 M records of 16 bytes a second from a producer to a reducer through sockets"
RECORDS = (
    records_case("shared", "read in the ring", borrow=True, least=200.0, claim=SHARED),
    records_case("socket", "sent as bytes", borrow=False, least=40.0, claim=SOCKET),
)

STARTUP_VARIANTS = (
    Variant("python", "python"),
    Variant("nothing"),
    Variant("icount", plugins=("icount",)),
    Variant("block-probe", plugins=(PROBE_BLOCK,)),
    Variant("memtrace", plugins=("memtrace",)),
    Variant("4 harts", smp=4),
    Variant("nothing compiled yet", settings={"cold": True}),
)

STARTUP = Case(
    name="startup.hello",
    purpose="the whole command `mttcg run hello.elf`, from the shell to the shell",
    guest="hello",
    variants=STARTUP_VARIANTS,
    figures=tuple(
        Figure(variant.name, ((variant.name, "wall", 1),), "s") for variant in STARTUP_VARIANTS
    ),
    same_output=False,
)

LLVM_ROUNDS = 3000
"""Rounds of `mix`: 2 to 3 s on the llvm engine."""
FEW_LLVM_ROUNDS = 600
DELIVERED = "memtrace: records delivered"

LLVM_OVERHEAD = (
    overhead_case(
        "icount",
        "icount",
        "instructions and blocks counted inline",
        [Bar("CPU, 1 hart", Side.AT_MOST, 1.05, "llvm: icount at most 1.05")],
        rounds=LLVM_ROUNDS,
        counts="instructions",
        engine="llvm",
    ),
    overhead_case(
        "hotblocks",
        "hotblocks",
        "executions of every block counted inline",
        [Bar("CPU, 1 hart", Side.AT_MOST, 1.2, "llvm: hotblocks at most 1.2")],
        rounds=LLVM_ROUNDS,
        engine="llvm",
    ),
    overhead_case(
        "access-probe",
        PROBE_ACCESS,
        "a probe per memory access, counting per page",
        [Bar("CPU, 1 hart", Side.AT_MOST, 2.0, "llvm: a probe on every access at most 2")],
        rounds=LLVM_ROUNDS,
        events="accesses",
        engine="llvm",
    ),
    overhead_case(
        "memtrace",
        "memtrace",
        "every access recorded, without loss, and counted per page by the aggregator",
        [
            Bar("CPU, 1 hart", Side.AT_MOST, 2.5, "llvm: writing the ring at most 2.5"),
            Bar(DELIVERED, Side.AT_LEAST, 40.0, "llvm: 40 M events/s delivered"),
        ],
        rounds=FEW_LLVM_ROUNDS,
        events="records",
        engine="llvm",
        extra=(per_second(DELIVERED, "memtrace, 1 hart", "events", "delivered"),),
    ),
)


def faster_case(guest: str, rounds: int, least: float, native: bool = False) -> Case:
    """A guest on the llvm engine against QEMU, and against its C compiled for the host."""
    over_qemu = Figure("QEMU over llvm", ratio(("QEMU", "guest", 1), ("llvm", "guest", 1)), "times")
    over_host = Figure("llvm over host", ratio(("llvm", "guest", 1), ("host", "guest", 1)), "times")
    bars = [Bar(over_qemu.name, Side.AT_LEAST, least, f"llvm: {guest} against QEMU")]
    if native:
        bars.append(Bar(over_host.name, Side.AT_MOST, 2.0, f"llvm: {guest} against the host"))
    return Case(
        name=f"llvm.{guest}",
        purpose="time inside the guest, nothing instrumented",
        guest=guest,
        symbols={"rounds": rounds},
        variants=(
            Variant("llvm", engine="llvm"),
            Variant("QEMU", "qemu"),
            *([Variant("host", "native")] if native else ()),
        ),
        figures=(
            over_qemu,
            *([over_host] if native else ()),
            per_second("instructions", "llvm", "instructions"),
        ),
        bars=tuple(bars),
    )


LLVM_SCALING = Case(
    name="llvm.scaling",
    purpose="work of 2 harts, each with its own, in the time that 1 takes for its",
    guest="mix",
    symbols={"rounds": LLVM_ROUNDS},
    variants=(
        Variant("1 hart", engine="llvm"),
        Variant("2 harts", engine="llvm", smp=2),
    ),
    figures=(
        Figure("work", (("1 hart", "guest", 1), ("2 harts", "guest", -1)), "times", factor=2),
        Figure(
            "work, if both had a core",
            (("1 hart", "vcpu_cpu", 1), ("2 harts", "vcpu_cpu", -1)),
            "times",
            factor=4,
        ),
    ),
    bars=(Bar("work", Side.AT_LEAST, 1.9, "llvm: two harts do at least 1.9 times the work"),),
)

LLVM_ATOMICS = Case(
    name="llvm.atomics",
    purpose="a shared counter and two locks, 2 harts, against QEMU with a thread for each",
    guest="counter",
    symbols={"rounds": 5_000_000},
    variants=(Variant("llvm", engine="llvm", smp=2), Variant("QEMU", "qemu", smp=2)),
    figures=(Figure("QEMU over llvm", ratio(("QEMU", "guest", 1), ("llvm", "guest", 1)), "times"),),
    bars=(Bar("QEMU over llvm", Side.AT_LEAST, 1.0, "llvm: atomics not slower than QEMU's"),),
)

LLVM_MEMORY = Case(
    name="llvm.memory",
    purpose="memory of a vCPU process of its own, with a guest of 16 MB",
    guest="mix",
    symbols={"rounds": FEW_LLVM_ROUNDS},
    variants=(Variant("2 harts", "memory", smp=2, engine="llvm", settings={"memory": "16M"}),),
    figures=(Figure("unique", (("2 harts", "unique", 1),), "MB", factor=1e-6),),
    bars=(Bar("unique", Side.AT_MOST, 150.0, "llvm: at most 150 MB a vCPU process"),),
)

LLVM_STARTUP = Case(
    name="llvm.startup",
    purpose="the whole command `mttcg run hello.elf`, from the shell to the shell",
    guest="hello",
    variants=(Variant("llvm", engine="llvm"),),
    figures=(Figure("whole command", (("llvm", "wall", 1),), "s"),),
    bars=(Bar("whole command", Side.AT_MOST, 1.5, "llvm: hello within 1.5 s"),),
)

LLVM = (
    faster_case("mix", LLVM_ROUNDS, 1.8, native=True),
    faster_case("calls", 10_000, 1.0),
    faster_case("flops", 10_000, 1.0),
    *LLVM_OVERHEAD,
    LLVM_SCALING,
    LLVM_ATOMICS,
    LLVM_MEMORY,
    LLVM_STARTUP,
)

CASES = (*OVERHEAD, SCALING, UNICORN, QEMU, BUS, *RECORDS, STARTUP, *LLVM)
