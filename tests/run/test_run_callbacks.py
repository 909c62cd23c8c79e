"""A plugin's function that raises: the guest stops in order, and the run says where it was."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from run_harness import Running, closes, guest, plugin

from mttcg import Machine, RunResult

EXIT_FAULT = 70
PLACES = {
    "block": "hello",
    "pre_translate": "hello",
    "needs_before_insn": "hello",
    "before_insn": "hello",
    "vcpu_start": "hello",
    "vcpu_exit": "hello",
    "mmio": "hello",
    "exit": "hello",
    "vcpu_idle": "wait",
    "vcpu_resume": "wait",
    "trap": "timer",
}
"""Where a plugin is called, and a guest in which it is."""
FAILURE = re.compile(r"plugin raising failed on vCPU (\d) at pc (0x[0-9a-f]+)\n")


def failure_of(said: str, place: str) -> tuple[int, int]:
    """Check what was said of a plugin that raised once; the vCPU and the pc."""
    ((cpu, pc),) = FAILURE.findall(said)
    assert said.count("Traceback (most recent call last)") == 1, said
    assert f"RuntimeError: as asked, at {place}" in said
    assert "raising.py" in said
    return int(cpu), int(pc, 16)


def test_whatever_raises_ends_the_run_with_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    def run(place: str) -> tuple[RunResult, bytes]:
        console = BytesIO()
        spec = plugin("raising", at=place, cpu=1)
        machine = Machine(guest(PLACES[place]), smp=2, plugins=[spec])
        return machine.run(console=console), console.getvalue()

    with ThreadPoolExecutor(2) as pool:
        runs = dict(zip(PLACES, pool.map(run, PLACES), strict=True))
    for place, (result, shown) in runs.items():
        assert result.exit_status == EXIT_FAULT
        (failure,) = result.failures
        cpu, pc = failure_of(failure, place)
        assert (cpu, pc >> 28) == (1, 8)
        assert result.vcpus[1].state == "failed"
        assert b"raising" not in shown
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err == len(PLACES) * "raising is loaded\n"


def test_what_was_recorded_until_then_is_delivered(start: Callable[..., Running]) -> None:
    runs = {}
    for place, after in (("insn", 300), ("memory", 40)):
        spec = plugin("raising", at=place, cpu=1, after=after, record="yes")
        runs[place] = start(guest("hello"), "--smp", "2", "--plugin", spec, with_json=True)
    for place, running in runs.items():
        assert running.wait() == EXIT_FAULT, running.stderr
        _, pc = failure_of(running.stderr, place)
        running.check_nothing_left()
        assert "raising is loaded\n" in running.stderr
        assert b"raising" not in running.shown
        result = running.result
        assert (result["exit_status"], result["stop_reason"]) == (70, "a plugin callback raised")
        assert closes(result["ledger"]), result["ledger"]
        emitted = result["ledger"]["raising.access"]["emitted"]
        assert result["plugins"]["raising"] == {"records": emitted}
        vcpus = result["vcpus"]
        assert [vcpu["state"] for vcpu in vcpus] == ["stopped", "failed"]
        assert vcpus[0]["registers"] is None
        if place == "insn":  # the instruction at pc has not run
            assert vcpus[1]["instructions"] == 300
            assert int(vcpus[1]["registers"]["pc"], 16) == pc


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_pc_set_to_nonsense_is_the_plugin_s_error_or_the_guest_s_fault(
    engine: str, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = {
        "-1": ("insn", "pc: 0xffffffffffffffff; expected an even address"),
        "0x80000001": ("vcpu_start", "pc: 0x80000001; expected an even address"),
        "0x10000000000000000": ("trap", "pc: 0x10000000000000000; expected 64 bits"),
    }
    for to, (by, said) in odd.items():
        spec = plugin("setting", to=to, by=by)
        result = Machine(guest("hello"), engine=engine, plugins=[spec]).run(console=BytesIO())
        assert (result.exit_status, result.stop_reason) == (EXIT_FAULT, "a plugin callback raised")
        (failure,) = result.failures
        assert "\n" not in failure
        assert re.fullmatch(
            rf"plugin setting failed on vCPU 0 at pc 0x[0-9a-f]+: BadValueError: {re.escape(said)} "
            r"\(\S+setting.py:\d+\)",
            failure,
        )
    capfd.readouterr()
    for to in ("-2", "0x7ffffffe", "0x8000000000000000"):
        spec = plugin("setting", to=to)
        result = Machine(guest("hello"), engine=engine, plugins=[spec]).run(console=BytesIO())
        assert (result.exit_status, result.failures) == (0, [])
        assert capfd.readouterr().err == f"trap 1 at {int(to, 0) & (1 << 64) - 1:#x}\n"
