"""A hart that takes the same trap for ever: a warning while it runs, or the end of the run."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import trap_guests
from run_harness import Running, eventually

from mttcg import Machine, RunResult
from mttcg.vcpu.nowhere.trap_loops import SURE

EXIT_FOR_EVER = 71
LOOPS = {
    "without_handler": "instruction access fault at pc 0x0, tval 0x0, mtvec 0x0; "
    f"{SURE:,} times without any progress, after illegal instruction at pc 0x80000000 "
    "(start: csrw tselect, zero), tval 0x7a001073",
    "retried": "illegal instruction at pc 0x80000014 (body: c.unimp), tval 0x0, "
    f"mtvec 0x80000400; {SURE:,} times without any progress",
    "handler_that_traps": "load access fault at pc 0x80000404 (handler+0x4: lw t2, 0(t1)), "
    f"tval 0x8, mtvec 0x80000400; {SURE:,} times without any progress, after environment call "
    "from M-mode at pc 0x80000014 (body: ecall), tval 0x0",
}


@pytest.fixture(params=["llvm", "unicorn"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., RunResult]:
    def run(made: bytes, **options: object) -> RunResult:
        file = tmp_path / "guest.elf"
        file.write_bytes(made)
        machine = Machine(file, memory=1 << 20, engine=request.param, **options)
        return machine.run(console=BytesIO())

    return run


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_ends_the_run_that_is_to_stop(run: Callable[..., RunResult], name: str) -> None:
    result = run(getattr(trap_guests, name)(), stop_on_trap_loop=True)
    assert result.warnings == [f"hart 0 takes the same trap for ever: {LOOPS[name]}"]
    assert (result.exit_status, result.failures) == (EXIT_FOR_EVER, [])
    assert result.stop_reason == "a hart takes the same trap for ever"


@pytest.mark.parametrize("name", ["calls", "counted_retries"])
def test_many_traps_with_progress_are_no_loop(run: Callable[..., RunResult], name: str) -> None:
    result = run(getattr(trap_guests, name)(), stop_on_trap_loop=True)
    assert result.vcpus[0].traps >= trap_guests.ROUNDS > SURE
    assert (result.exit_status, result.warnings) == (0, [])
    assert result.stop_reason == "the guest ended"


def test_a_loop_is_told_of_once_while_it_goes_on(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    file = tmp_path / "guest.elf"
    file.write_bytes(trap_guests.retried())
    running = start(str(file), "--memory", "1M", "--interim", "0.2", with_json=True)
    line = f"mttcg: warning: hart 0 takes the same trap for ever: {LOOPS['retried']}\n"
    eventually(lambda: line in running.stderr)
    interim = running.directory / "result.json"
    known = [line.removeprefix("mttcg: warning: ").rstrip()]
    eventually(lambda: interim.exists() and json.loads(interim.read_text())["warnings"] == known)
    running.process.terminate()
    assert running.wait() == 143
    assert running.stderr.count("takes the same trap") == 1
    assert running.result["warnings"] == known
    assert running.result["vcpus"][0]["traps"] > SURE
