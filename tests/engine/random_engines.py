"""Random programs on engines in this process, compared with what the definition says."""

import ctypes
import dataclasses
import itertools
import os
from collections.abc import Callable
from typing import Any, Literal, get_args

from counted import Counting
from engine_harness import Bare, fill
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from random_programs import (
    BASE,
    BRANCHES,
    DATA,
    DATA_END,
    JUMPS,
    PAGE,
    PLAIN,
    REGISTER_JUMPS,
    SIZE,
    Ending,
    Piece,
    Program,
    State,
    build,
    interpret,
)
from recorded import Recorded
from switching import Switches

from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.riscv64.extensions import EXTENSIONS

INSTRUCTIONS = int(os.environ.get("MTTCG_RANDOM_INSTRUCTIONS", "12000"))
ROUND = 50
"""Programs between two looks at how many instructions were executed, on one set of engines."""
Watch = Literal["", "call", "python", "record", "accesses", "check"]
"""How a plan watches: in a call, in Python, by records of everything, by records of accesses; by
those and all that `--check` counts, which is compared after each program."""
WATCHES: tuple[Watch, ...] = get_args(Watch)
RECORDED = {
    "blocks": ("pc", "instructions", "size"),
    "executed": ("pc",),
    "accesses": ("pc", "address", "size", "value", "write"),
}
"""What is recorded, as an `Ending` has it."""
OPERATION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)

UNICORN_WRONG: dict[str, Callable[[str, str], bool]] = {
    "it has no Zba, Zbb, Zbs, and none of the newer ones": lambda name, extension: (
        extension.lower() in {*EXTENSIONS["llvm"]} - {*EXTENSIONS["unicorn"]}
    ),
    "it does not box singles, and takes unboxed ones for numbers (21.2)": lambda name, extension: (
        (extension == "F" and not name.endswith((".w.x", "flw", "fsw", ".x.w")))
        or name in ("fcvt.s.d", "fcvt.d.s", "fmv.w.x")
    ),
    "a signalling NaN wins over a number (20.6)": lambda name, _: name in ("fmin.d", "fmax.d"),
    "infinity * 0 + quiet NaN does not raise NV (20.6)": lambda name, _: name.startswith(
        ("fmadd", "fmsub", "fnmadd", "fnmsub")
    ),
}
"""Where Unicorn differs, and the instructions that are left out on it for that."""
RIGHT = [
    row
    for row in PLAIN
    if not any(wrong(row.name, row.extension) for wrong in UNICORN_WRONG.values())
]


def pieces(rows: list[Any]) -> st.SearchStrategy[list[Piece]]:
    """What a program is made of: plain instructions, and some that jump."""
    row = st.one_of(
        *[st.sampled_from(rows)] * 5,
        st.sampled_from(BRANCHES),
        st.sampled_from(JUMPS + REGISTER_JUMPS),
    )
    distance = st.sampled_from((-5, -2, 1, 2, 3, 5))
    return st.lists(
        st.builds(Piece, row, st.integers(0, 2**32 - 1), distance), min_size=1, max_size=40
    )


class Watched:
    """An engine, with or without a plan that records everything.

    Args:
        engine: its name.
        watch: the kind of the plan's operations, "" for no plan.
        devices: what is outside of RAM.
        switching: decides when tiers change; None: between two runs of a program.
    """

    def __init__(
        self, engine: str, watch: Watch, devices: Any = None, switching: int | None = None
    ) -> None:
        self.seen: list[list[tuple[int, ...]]] = [[], [], []]
        self.functions = [OPERATION(self._recorder(kind)) for kind in range(3)]
        self.name, self.watch = engine, watch
        accesses = ("accesses",)
        names = {"record": tuple(RECORDED), "accesses": accesses, "check": accesses}.get(watch)
        self.recorded = Recorded(names) if names else None
        self.counting = Counting(self.recorded) if self.recorded and watch == "check" else None
        self.bare = Bare(engine, BASE, SIZE, self._plan(), devices)
        self.switches = None if switching is None else Switches(self.bare, switching)
        if self.counting is not None:
            self.counting.watch(self.bare)

    def _plan(self) -> Plan:
        if self.counting is not None:
            return self.counting.plan
        if self.recorded is not None:
            return self.recorded.plan
        if not self.watch:
            return Plan()
        return Plan(
            (self._operation(0),), (self._operation(1),), every_access=(self._operation(2),)
        )

    def _recorder(self, kind: int) -> Callable[..., None]:
        def record(_data: int, *arguments: int) -> None:
            self.seen[kind].append(arguments)
            if kind == 0 and self.switches is not None:
                self.switches.at_block()

        return record

    def _operation(self, kind: int) -> Operation:
        address = ctypes.cast(self.functions[kind], ctypes.c_void_p).value or 0
        return Operation(address, 0, self.watch or "call")

    def load(self, program: Program) -> None:
        """Put the code of a program into RAM."""
        self.bare.ram[:] = bytes(SIZE)
        fill(list(program.words.items()), self.bare.write)
        self.bare.engine.fetch_again()

    def run(self, program: Program, state: State) -> Ending:
        """Run a program that was loaded, from a state to its end."""
        bare, hart = self.bare, self.bare.hart
        bare.write(DATA, state.data)
        bare.set_registers(state.x, state.f, state.fcsr)
        hart.reservation = 2**64 - 1
        for kind in self.seen:
            kind.clear()
        instructions, blocks = hart.instructions, hart.blocks
        if self.switches is not None:
            self.switches.arm()
        for left in bare.run_to_trap(program.at):
            if self.switches is not None:
                self.switches.change(left.pc)
        if self.recorded is not None:
            self._take(self.recorded)
        x, f, fcsr = bare.registers()
        data = bare.read(DATA, DATA_END - DATA)
        entered: list[tuple[int, ...]] = [()] * (hart.blocks - blocks)
        if self.watch not in ("", "accesses", "check"):
            # of what an operation is given, or a record has: pc, instructions, and last the size
            entered = [(a[0], a[1], a[-1]) for a in self.seen[0]]
        return Ending(
            hart.mepc,
            hart.mcause,
            hart.mtval,
            x,
            f,
            fcsr,
            data,
            hart.instructions - instructions,
            entered,
            [a[0] for a in self.seen[1]],
            list(self.seen[2]),
        )

    def _take(self, recorded: Recorded) -> None:
        for kind, (name, fields) in enumerate(RECORDED.items()):
            if name not in recorded.consumers:
                continue
            records = recorded.take(name)
            if self.counting is not None:
                self.counting.records += len(records)
            self.seen[kind] = list(zip(*(records[field].tolist() for field in fields), strict=True))

    def close(self) -> None:
        """Give everything back."""
        self.bare.close()
        if self.recorded is not None:
            self.recorded.close()

    def check(self, program: Program, expected: list[Ending]) -> None:
        """Compare with what the definition says; but on Unicorn, again after more effort, twice."""
        self.load(program)
        if self.switches is not None:
            self.switches.begin()
        self._check_states(program, expected)
        if self.name != "unicorn" and self.switches is None:
            self.bare.improve(program.at, whole=False)
            self._check_states(program, expected)
            for page in {pc // PAGE for pc in program.words}:
                self.bare.improve(page * PAGE)
            self._check_states(program, expected)
        if self.counting is not None:
            self.counting.check(self.bare)

    def _check_states(self, program: Program, expected: list[Ending]) -> None:
        for state, ending in zip(program.states, expected, strict=True):
            self.check_from(program, state, ending)

    def check_from(self, program: Program, state: State, expected: Ending) -> None:
        """Run a program that was loaded, and compare."""
        if self.watch in ("", "accesses", "check"):
            blocks: list[tuple[int, ...]] = [()] * len(expected.blocks)
            accesses = expected.accesses if self.watch else []
            expected = dataclasses.replace(expected, blocks=blocks, executed=[], accesses=accesses)
        compare_endings(self.run(program, state), expected)


def compare_endings(found: Ending, expected: Ending) -> None:
    """Part by part, so that a failure says which."""
    for part in dataclasses.fields(Ending):
        assert getattr(found, part.name) == getattr(expected, part.name), part.name


def compare(rows: list[Any], engines: Callable[[], list[Watched]], wanted: int) -> None:
    """Run programs until so many instructions were executed, in rounds on fresh engines."""
    executed = 0
    for number in itertools.count():
        watched = engines()
        executed += run_round(rows, watched, number)
        for each in watched:
            each.close()
        if executed >= wanted:
            return


def run_round(rows: list[Any], watched: list[Watched], number: int) -> int:
    """Compare the engines on a round of programs; how many instructions these executed."""
    executed = 0

    @seed(number)
    @settings(
        max_examples=ROUND,
        derandomize=False,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(pieces(rows), st.integers(0, 2**64 - 1))
    def run(drawn: list[Piece], state: int) -> None:
        nonlocal executed
        program = build(drawn, state)
        expected = [interpret(program, state) for state in program.states]
        executed += sum(ending.instructions for ending in expected)
        for each in watched:
            each.check(program, expected)

    run()
    return executed
