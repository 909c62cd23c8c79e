"""Instructions and CSRs that no hart has are named in the result, each place once."""

import time
from io import BytesIO
from pathlib import Path

import pytest
import trap_guests
from flood_guest import T1, add_immediate, branch_not_zero
from tiny_elf import RAM_BASE

from mttcg import Machine, RunResult
from mttcg.engine.unicorn.riscv64.limits import UNBOXED
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.nowhere.unsupported_places import MOST_PLACES

BODY = RAM_BASE + 4 * 5
MSTATUS = 0x300
MOVE_TO_SINGLE = 0xF000_0053
"""fmv.w.x ft0, zero"""
LACKING = {
    # name, extension, count: the word
    ("clmul", "Zbc", 3): 0x0AC5_9533,
    ("aes64es", "Zkne", 3): 0x32C5_8533,
    ("sha256sum0", "Zknh", 3): 0x1005_9513,
    ("xperm4", "Zbkx", 3): 0x28C5_A533,
    ("fadd.q", "Q", 3): 0x06C5_F553,
    ("vsetvli", "V", 3): 0x0D05_F557,
    ("CSR hgatp", "H", 3): 0x6800_2573,
}


def run(made: bytes, folder: Path, engine: str) -> RunResult:
    file = folder / "guest.elf"
    file.write_bytes(made)
    return Machine(file, memory=1 << 20, engine=engine).run(console=BytesIO())


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_what_traps_is_named_with_its_place(engine: str, tmp_path: Path) -> None:
    words = list(LACKING.values())
    add = 0x20C5_A533 if engine == "unicorn" else trap_guests.ECALL  # sh1add, which llvm has
    body = (add_immediate(T1, 0, 3), *words, add, trap_guests.ILLEGAL, add_immediate(T1, T1, -1))
    back = branch_not_zero(T1, -4 * (len(body) - 1))
    result = run(
        trap_guests.guest((*body, back, *trap_guests.FINISH), trap_guests.SKIP), tmp_path, engine
    )
    expected = list(LACKING)
    if engine == "unicorn":
        expected.append(("sh1add", "Zba", 3))
    assert result.unsupported == [
        {
            "name": name,
            "extension": extension,
            "pc": hex(BODY + 4 * place),
            "symbol": f"body+{4 * place:#x}",
            "source": "",
        }
        for place, (name, extension, _) in enumerate(expected, start=1)
    ]
    assert result.vcpus[0].unsupported == {name: count for name, _, count in expected}
    assert result.vcpus[0].traps == 3 * (len(words) + 2)
    assert (result.exit_status, result.warnings) == (0, [])


def test_what_a_vcpu_has_said_is_heard_when_its_end_is_known_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def step(watch: Watch, until: float) -> None:
        for key, _ in watch.selector.select(max(0.0, until - time.monotonic())):
            if key.fileobj not in watch.channels and key.fd in watch.selector.get_map():
                key.data()

    monkeypatch.setattr(Watch, "_step", step)
    made = trap_guests.guest((*LACKING.values(), *trap_guests.FINISH), trap_guests.SKIP)
    result = run(made, tmp_path, "llvm")
    assert [place["name"] for place in result.unsupported] == [name for name, _, _ in LACKING]


def test_places_are_told_of_up_to_a_limit_and_counted_beyond(tmp_path: Path) -> None:
    clmul = LACKING["clmul", "Zbc", 3]
    too_many = (MOST_PLACES + 5) * (clmul,)
    made = trap_guests.guest((*too_many, *trap_guests.FINISH), trap_guests.SKIP)
    result = run(made, tmp_path, "unicorn")
    assert len(result.unsupported) == MOST_PLACES
    assert result.vcpus[0].unsupported == {"clmul": MOST_PLACES + 5}
    assert result.warnings == [
        "vCPU 0 met instructions that are not supported at more places than the 64 that are listed"
    ]


@pytest.mark.parametrize(("engine", "warned"), [("unicorn", [UNBOXED]), ("llvm", [])])
def test_a_run_says_which_limits_of_unicorn_concern_it(
    engine: str, warned: list[str], tmp_path: Path
) -> None:
    unit_on = (trap_guests.upper(T1, 6), MSTATUS << 20 | T1 << 15 | 2 << 12 | 0x73)
    made = trap_guests.guest((*unit_on, MOVE_TO_SINGLE, *trap_guests.FINISH), trap_guests.SKIP)
    result = run(made, tmp_path, engine)
    assert (result.exit_status, result.warnings) == (0, warned)
    assert result.vcpus[0].traps == 0
