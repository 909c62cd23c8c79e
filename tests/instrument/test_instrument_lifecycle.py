"""What plugins are told of a vCPU's life: what, in which order, how often."""

from collections import Counter as Tally
from pathlib import Path
from typing import Any

import pytest
from instrument_harness import GUESTS, Done, lines_by_cpu, plugin, run_guest

from mttcg.guest.elf import load_guest
from mttcg.hardware.boards.riscv_virt import RAM_BASE

UART, FINISHER, SOFTWARE, TIMER = 0x1000_0000, 0x10_0000, 3, 7
ROUNDS = {"timer": 5, "ipi": 5}
Told = dict[int, list[Any]]


class Life:
    """Runs of guests with the plugin `lifecycle`, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: dict[tuple[str, int], tuple[Done, Told]] = {}

    def of(self, guest: str, smp: int) -> tuple[Done, Told]:
        """A run, and what was told on each vCPU."""
        if (guest, smp) not in self.known:
            out = self.folder / f"{guest}-{smp}"
            symbols = {"rounds": ROUNDS[guest]} if guest in ROUNDS else {}
            done = run_guest(guest, plugin("lifecycle", out=out), smp=smp, symbols=symbols)
            assert done.in_order, done.result.failures
            told = {cpu: line["told"] for cpu, line in lines_by_cpu(out).items()}
            self.known[guest, smp] = done, told
        return self.known[guest, smp]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    return Life(tmp_path_factory.mktemp("lifecycle"))


def having(told: list[Any], what: str) -> list[Any]:
    return [line for line in told if line[0] == what]


@pytest.mark.parametrize(("guest", "smp"), [("hello", 2), ("trap", 1), ("timer", 1), ("ipi", 2)])
def test_a_life_has_its_order(life: Life, guest: str, smp: int) -> None:
    done, told = life.of(guest, smp)
    entry = load_guest(GUESTS / f"{guest}.elf", RAM_BASE, 128 << 20).entry
    assert sorted(told) == list(range(smp))
    processes = set()
    for cpu, lines in told.items():
        names = [line[0] for line in lines]
        assert names[:2] == ["init", "start"]
        assert names[-3:] == ["exit", "index", "end"]
        once = Tally(names)
        assert (once["init"], once["start"], once["exit"], once["end"]) == (1, 1, 1, 1)
        _, pc, hart, _tree, process = lines[1]
        assert (pc, hart) == (entry, cpu), "registers are those of the start"
        processes |= {lines[0][1], process, lines[-1][1]}
        sleeps = [name for name in names if name in ("idle", "resume")]
        assert sleeps == ["idle", "resume"] * (len(sleeps) // 2)
        vcpu = done.result.vcpus[cpu]
        assert (vcpu.seconds_idle > 0) == bool(sleeps)
    assert len(processes) == 1 + smp, "one plugin_init for all, then a process for each vCPU"


def test_exceptions_have_cause_and_pc(life: Life) -> None:
    done, told = life.of("trap", 1)
    image = load_guest(GUESTS / "trap.elf", RAM_BASE, 128 << 20)
    at = image.symbol
    unmapped = 0x0800_0000
    expected = [
        (11, at("case_ecall")),
        (3, at("case_ebreak")),
        (3, at("case_short_ebreak")),
        (2, at("case_illegal")),
        (2, at("case_short_illegal")),
        (2, at("case_no_such_csr")),
        (2, at("case_read_only_csr")),
        (5, at("case_load")),
        (7, at("case_store")),
        (1, unmapped),
        (6, at("case_misaligned_amo")),
        (4, at("case_misaligned_lr")),
        (11, at("case_ecall_goes_on")),
    ]
    traps = having(told[0], "trap")
    assert [(cause, pc) for _, _, _, cause, pc, _ in traps] == expected
    assert {pc for _, pc, *_ in traps} == {at("trap_entry")}, "cpu.pc is where it goes on"
    assert not any(interrupt for *_, interrupt in traps)
    assert len(traps) == done.result.vcpus[0].traps


@pytest.mark.parametrize(("guest", "smp", "code"), [("timer", 1, TIMER), ("ipi", 2, SOFTWARE)])
def test_interrupts_are_told(life: Life, guest: str, smp: int, code: int) -> None:
    done, told = life.of(guest, smp)
    for cpu, lines in told.items():
        traps = having(lines, "trap")
        assert [line[3] for line in traps] == [code] * ROUNDS[guest]
        assert all(interrupt for *_, interrupt in traps)
        assert len(traps) == done.result.vcpus[cpu].interrupts


def test_device_accesses_are_told(life: Life) -> None:
    done, told = life.of("hello", 2)
    lines = [line for told_there in told.values() for line in having(told_there, "mmio")]
    # what, cpu.pc, sp, device, address, bytes, value, write
    for lines_there in told.values():
        text = "".join(chr(line[6]) for line in having(lines_there, "mmio") if line[3] == "uart")
        assert text in done.console
        assert text.startswith("hello from hart ")
    uart = [line for line in lines if line[3] == "uart"]
    assert {(line[4], line[5], line[7]) for line in uart} == {(UART, 1, True)}
    finisher = [line[4:] for line in lines if line[3] == "finisher"]
    assert finisher == [[FINISHER, 4, 0x5555, True]]
    assert {line[3] for line in lines} == {"uart", "clint", "finisher"}
