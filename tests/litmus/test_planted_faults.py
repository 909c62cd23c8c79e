"""Faults in what keeps the order are seen: each makes a litmus test show what is forbidden."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from machine import TIERS, Machine, matching
from programs import Programs
from shapes import BY_NAME

from mttcg.engine.llvm import accesses
from mttcg.engine.llvm.interpreter import native
from mttcg.engine.llvm.ir.forms import AliasClass
from mttcg.engine.llvm.riscv64.llvm_isa import AQ, LLVM
from mttcg.engine.unicorn.riscv64 import left_to_host
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.privilege import USER

PATIENCE = 100.0
"""Seconds until what a fault shows is given up."""


def guest_memory_is_plain() -> None:
    """LLVM may exchange its accesses."""
    vars(accesses)["GUEST"] = AliasClass(3, alignment=", align 1")


def fences_are_weak() -> None:
    """None orders stores before loads."""

    def fence(self: Any, _predecessor: int, _successor: int, _mode: int) -> None:
        self.builder.fence("acq_rel")

    vars(accesses)["Accesses"].fence = fence


def release_of_loads_is_missing() -> None:
    """The rl of LR does nothing: a bit is looked at that no LR has."""
    vars(LLVM)["order_bits"] = (AQ, 31)


def unicorn_has_fences() -> None:
    """They are left to Unicorn, which takes them for nothing."""
    kinds = left_to_host.LEFT_TO_HOST.kinds - {Kind.FENCE}
    vars(left_to_host)["LEFT_TO_HOST"] = left_to_host.LEFT_TO_HOST._replace(kinds=kinds)


def compile_anew(folder: Path) -> None:
    """Compile the interpreter with the fault, which was mapped without it, and keep it apart."""
    vars(native)["_loaded"] = {}
    vars(native)["kept_file"] = lambda isa, kind, _text: folder / f"{kind}-{isa.name}"


FAULTS: list[tuple[str, Callable[[], None], str]] = [
    ("optimised", guest_memory_is_plain, "LB+data-sums"),
    ("optimised", fences_are_weak, "SB+fence.rw.rws"),
    ("optimised", release_of_loads_is_missing, "SB+lr.aqrls"),
    ("interpreter", fences_are_weak, "SB+fence.w.rs"),
    ("interpreter", release_of_loads_is_missing, "SB+lr.aqrls"),
    ("user optimised", fences_are_weak, "SB+fence.rw.rws"),
    ("user interpreter", fences_are_weak, "SB+fence.w.rs"),
    ("user interpreter", release_of_loads_is_missing, "SB+lr.aqrls"),
    ("unicorn", unicorn_has_fences, "SB+fence.rw.rws"),
]


@pytest.mark.parametrize(("tier", "plant", "name"), FAULTS)
def test_a_planted_fault_is_seen(
    tier: str, plant: Callable[[], None], name: str, tmp_path: Path
) -> None:
    def prepare() -> None:
        plant()
        compile_anew(tmp_path)

    litmus = BY_NAME[name]
    end = time.monotonic() + PATIENCE
    seen = 0
    programs = Programs((litmus,), TIERS[tier].level == USER)
    with Machine(tier, programs, prepare, len(litmus.harts)) as machine:
        while not seen and time.monotonic() < end:
            seen = matching(litmus, machine.run(litmus))
    assert seen
