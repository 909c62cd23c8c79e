"""GDB in runs that repeat: it changes nothing of them, and goes back in them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gdb_client import MISSING, PROGRAM, Gdb, target_of, thread_of
from run_harness import Running, guest, plugin

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)
TURNS = "--deterministic", "--quantum", "20", "--seed", "3"
BACK = "-exec-continue --reverse"
START = Callable[..., Running]


@pytest.fixture
def debug(start: START) -> Iterator[Callable[..., tuple[Running, Gdb]]]:
    made: list[Gdb] = []

    def begin(name: str, *options: str) -> tuple[Running, Gdb]:
        """A run that stands before its first instruction, and a GDB that is connected."""
        told = (guest(name), "--memory", "16M", *options, "--gdb", "--wait-gdb", "--quiet")
        running = start(*told, with_json=True)
        made.append(Gdb(guest(name)))
        made[-1].connect(target_of(running))
        return running, made[-1]

    yield begin
    for each in made:
        each.end()


def stands(gdb: Gdb) -> tuple[Any, ...]:
    """Where the thread is that is looked at, its registers, and what the guest counts."""
    registers = gdb.ask(f"-data-list-register-values x {' '.join(map(str, range(33)))}")
    others = [gdb.value(f"${name}") for name in ("minstret", "mcause", "mepc", "mstatus")]
    return registers, others, gdb.ask("-data-read-memory-bytes $sp 64")


PLACES = [
    ("adds", "guest_main", 12),
    ("trap", "case_ecall", 12),  # into the handler
    ("timer", "wait_for_interrupt", 12),  # until the timer interrupts, and into the handler
]


@pytest.mark.parametrize("smp", [1, 2])
@pytest.mark.parametrize(("name", "place", "steps"), PLACES)
def test_steps_lead_back_to_each_place(
    debug: Callable[..., tuple[Running, Gdb]], smp: int, name: str, place: str, steps: int
) -> None:
    running, gdb = debug(name, "--smp", str(smp), *TURNS)
    gdb.ask(f"-break-insert -t {place}")
    gdb.go()
    places = [stands(gdb)]
    for _ in range(steps):
        gdb.go("-exec-step-instruction")
        places.append(stands(gdb))
    assert len({str(each) for each in places}) == steps + 1
    for each in places[-2::-1]:
        gdb.go("-exec-step-instruction --reverse")
        assert stands(gdb) == each
    for each in places[1:4]:
        gdb.go("-exec-step-instruction")
        assert stands(gdb) == each
    assert 'reason="exited-normally"' in gdb.go()
    assert running.wait() == 0


def written(stop: str) -> tuple[int, int]:
    """The values that a watchpoint tells of."""
    found = re.search(r'value=\{old="(\d+)",new="(\d+)"\}', stop)
    assert found is not None, stop
    return int(found[1]), int(found[2])


def test_who_lost_an_update_is_found_on_the_way_back(
    debug: Callable[..., tuple[Running, Gdb]],
) -> None:
    rounds = 5
    fault = "--smp", "2", "--set", "fault=1", "--set", f"rounds={rounds}"
    running, gdb = debug("races", *fault, *TURNS)
    gdb.ask("-break-insert -t print_number")
    gdb.go()
    end = gdb.value("raced_counter")
    assert end < 2 * rounds, "with this seed an update is lost"
    gdb.ask("-break-watch raced_counter")
    back = []
    while 'reason="watchpoint-trigger"' in (stop := gdb.go(BACK)):
        back.append((thread_of(stop), *written(stop)))
        assert "\tsd\t" in gdb.console("x/i $pc")  # which has not run yet
    assert "No more reverse-execution history" in gdb.printed()
    assert gdb.value("$pc") == 0x8000_0000
    assert [old for _, old, _ in back] == [end, *(new for _, _, new in back[:-1])]
    assert back[-1][2] == 0
    assert any(old < new for _, old, new in back), "one wrote less than there was"
    forth = []
    while len(forth) < len(back):
        stop = gdb.go()
        forth.append((thread_of(stop), *written(stop)))
    assert forth == [(thread, new, old) for thread, old, new in reversed(back)]
    gdb.ask("-break-delete")
    assert 'reason="exited' in gdb.go()
    running.wait()
    assert running.shown == b"counted %d\n" % end  # once


def test_what_was_shown_is_not_shown_again_unless_the_guest_is_changed(
    debug: Callable[..., tuple[Running, Gdb]],
) -> None:
    running, gdb = debug("counter", "--smp", "2", "--set", "rounds=4", *TURNS)
    gdb.ask("-break-insert report")
    stops = [gdb.go() for _ in range(3)]
    assert all('reason="breakpoint-hit"' in stop for stop in stops)
    seen = [stands(gdb)]
    for _ in range(2):
        assert 'reason="breakpoint-hit"' in gdb.go(BACK)
        seen.append(stands(gdb))
    gdb.ask("-gdb-set var shared.under_swap = 9")
    gdb.go()
    assert stands(gdb)[0] == seen[1][0]
    gdb.ask("-break-delete")
    assert 'reason="exited",exit-code="01"' in gdb.go()
    running.wait()
    assert running.shown.splitlines() == [
        b"amoadd        8 of 8 ok",
        b"lr/sc lock    8 of 8 ok",
        b"amoadd        8 of 8 ok",
        b"lr/sc lock    8 of 8 ok",
        b"amoswap lock  9 of 8 WRONG",
    ]


@pytest.mark.parametrize("name", ["counter", "timer"])
def test_a_debugger_changes_nothing_of_the_run(
    start: START, debug: Callable[..., tuple[Running, Gdb]], tmp_path: Path, name: str
) -> None:
    def told(folder: Path) -> tuple[str, ...]:
        folder.mkdir()
        digest = "--plugin", plugin("ram_digest", out=folder)
        return "--smp", "2", "--set", "rounds=20", *TURNS, *digest

    def seen(running: Running, folder: Path) -> tuple[Any, ...]:
        assert running.wait() == 0, running.stderr
        names = "instructions", "traps", "interrupts"
        counts = [[vcpu[each] for each in names] for vcpu in running.result["vcpus"]]
        return running.shown, counts, [(folder / f"ram{cpu}").read_text() for cpu in range(2)]

    options = told(tmp_path / "whole")
    plain = start(guest(name), "--memory", "16M", *options, "--quiet", with_json=True)
    whole = seen(plain, tmp_path / "whole")
    running, gdb = debug(name, *told(tmp_path / "debugged"))
    gdb.ask("-break-insert barrier")
    for _ in range(3):
        gdb.go()
        for command in ("-exec-step-instruction",) * 4 + ("-exec-step-instruction --reverse",) * 2:
            gdb.go(command)
    gdb.ask("-break-delete")
    assert 'reason="exited-normally"' in gdb.go()
    assert seen(running, tmp_path / "debugged") == whole
