"""A guest that GDB debugs: stops, steps, registers, memory, and debuggers that come and go."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gdb_client import MISSING, PROGRAM, Gdb, target_of, thread_of
from run_harness import LIMIT, Running, eventually, guest, plugin

from mttcg.debugger.packets import encode
from mttcg.supervisor.debugging.debugging import MOST_REFUSED
from mttcg_bus import Control

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)
ROUNDS = 4


@pytest.fixture(params=["llvm", "unicorn"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def gdb() -> Iterator[Callable[[str], Gdb]]:
    made: list[Gdb] = []

    def make(file: str) -> Gdb:
        made.append(Gdb(file))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture(params=[1, 4])
def debugged(
    start: Callable[..., Running],
    gdb: Callable[[str], Gdb],
    engine: str,
    request: pytest.FixtureRequest,
) -> tuple[Running, Gdb, int]:
    """A run of `counter` that stands before its first instruction, and a GDB that is connected."""
    smp = int(request.param)
    options = ("--smp", str(smp), "--engine", engine, "--set", f"rounds={ROUNDS}", "--quiet")
    counting = "--plugin", plugin("counted_at", symbol="barrier"), "--gdb", "--wait-gdb"
    running = start(guest("counter"), *options, *counting, with_json=True)
    client = gdb(guest("counter"))
    client.connect(target_of(running))
    return running, client, smp


def test_a_breakpoint_is_hit_as_often_as_a_counter_counts(
    debugged: tuple[Running, Gdb, int],
) -> None:
    running, gdb, smp = debugged
    assert gdb.value("$pc") == 0x8000_0000
    assert gdb.value("$minstret") == 0
    gdb.ask("-break-insert *barrier")
    hits = dict.fromkeys(range(1, smp + 1), 0)
    while 'reason="breakpoint-hit"' in (stop := gdb.go()):
        hits[thread_of(stop)] += 1
        assert gdb.value("$pc") == gdb.value("(long)&barrier")
    assert 'reason="exited-normally"' in stop
    assert running.wait() == 0
    assert set(hits.values()) == {4}
    assert running.result["plugins"]["counted_at"]["total"]["hits"] == sum(hits.values())
    running.check_nothing_left()


def test_a_step_is_one_instruction_of_one_hart(debugged: tuple[Running, Gdb, int]) -> None:
    running, gdb, smp = debugged
    gdb.ask("-break-insert -t guest_main")
    cpu = thread_of(gdb.go())
    others = [thread for thread in range(1, smp + 1) if thread != cpu]

    def retired(thread: int) -> int:
        return int(gdb.ask(f"-data-evaluate-expression --thread {thread} $minstret").split('"')[1])

    before = {thread: retired(thread) for thread in range(1, smp + 1)}
    gdb.ask("-gdb-set scheduler-locking on")
    for steps in range(1, 31):
        gdb.go("-exec-step-instruction")
        assert retired(cpu) == before[cpu] + steps
    assert {thread: retired(thread) for thread in others} == {t: before[t] for t in others}
    gdb.ask("-gdb-set scheduler-locking off")
    assert 'reason="exited' in gdb.go()
    assert running.wait() == 0


def test_registers_and_memory_are_written(debugged: tuple[Running, Gdb, int]) -> None:
    running, gdb, _ = debugged
    gdb.ask("-break-insert -t guest_main")
    gdb.go()
    for name, value in (("t6", -5), ("mscratch", 77), ("fcsr", 0x61), ("frm", 2)):
        gdb.ask(f"-gdb-set var ${name} = {value}")
        assert gdb.value(f"${name}") == value
    assert (gdb.value("$fflags"), gdb.value("$priv")) == (1, 3)
    gdb.ask("-gdb-set var $fa0.double = 1.5")
    assert gdb.ask("-data-evaluate-expression $fa0.double") == 'value="1.5"'
    assert gdb.value("rounds") == ROUNDS
    gdb.ask("-gdb-set var rounds = 1")
    assert gdb.value("rounds") == 1
    gdb.refused("-data-read-memory-bytes 0x1000 4")
    gdb.refused("-gdb-set var $mhartid = 77")
    gdb.ask(f"-gdb-set var rounds = {ROUNDS}")
    assert 'reason="exited-normally"' in gdb.go()
    assert running.wait() == 0


def test_source_lines_are_stepped_and_functions_finished(
    debugged: tuple[Running, Gdb, int],
) -> None:
    running, gdb, smp = debugged
    gdb.ask("-break-insert -t report")
    assert 'func="report"' in gdb.go()
    assert f"total = {ROUNDS * smp}" in gdb.console("info args")
    assert 'func="guest_main"' in gdb.go("-exec-finish")
    gdb.go("-exec-next")
    assert 'reason="exited-normally"' in gdb.go()
    assert running.wait() == 0


def test_each_access_to_what_is_watched_is_a_stop_behind_it(
    debugged: tuple[Running, Gdb, int],
) -> None:
    running, gdb, smp = debugged
    gdb.ask("-break-insert -t guest_main")
    gdb.go()
    gdb.ask("-break-watch -a shared.added")
    gdb.ask("-break-watch -r rounds")
    reads, accesses = 0, 0
    while 'reason="exited' not in (stop := gdb.go()):
        reads += (is_read := 'reason="read-watchpoint-trigger"' in stop)
        accesses += 'reason="access-watchpoint-trigger"' in stop
        before = gdb.console("x/i $pc-4")
        assert ("ld\ts" if is_read else "amoadd") in before or accesses > smp * ROUNDS
    assert (reads, accesses) == (smp, smp * ROUNDS + 1)  # the report reads it, too
    assert running.wait() == 0


def test_a_write_that_is_watched_shows_both_values(debugged: tuple[Running, Gdb, int]) -> None:
    running, gdb, _ = debugged
    gdb.ask("-break-insert -t guest_main")
    gdb.go()
    gdb.ask("-break-watch shared.under_swap")
    stop = gdb.go()
    assert 'reason="watchpoint-trigger"' in stop and 'value={old="0",new="1"}' in stop
    gdb.ask("-break-delete 2")
    assert 'reason="exited-normally"' in gdb.go()
    assert running.wait() == 0


def test_commands_of_the_run_are_there(debugged: tuple[Running, Gdb, int]) -> None:
    running, gdb, smp = debugged
    gdb.ask("-break-insert -t guest_main")
    gdb.go()
    assert gdb.console("monitor status").count("paused") == smp
    assert "guest_main" in gdb.console("monitor where")
    assert "no command 'fly'" in gdb.console("monitor fly")
    assert "expected unload PLUGIN" in gdb.console("monitor unload")
    gdb.ask("-target-detach")
    assert running.wait() == 0


@pytest.fixture
def spinning(start: Callable[..., Running], engine: str) -> Running:
    running = start(guest("spin"), "--smp", "2", "--engine", engine, "--control", "--quiet")
    running.read(until=b"spinning on 2 harts\n")
    return running


def control_of(running: Running) -> Control:
    return Control(next(w for w in running.stderr.split() if w.startswith("ipc://")), seconds=LIMIT)


def goes_on(control: Control) -> bool:
    before = [vcpu["instructions"] for vcpu in control.status()["vcpus"]]
    return bool(
        eventually(
            lambda: all(
                vcpu["instructions"] > then
                for vcpu, then in zip(control.status()["vcpus"], before, strict=True)
            )
        )
    )


def test_a_debugger_attaches_interrupts_and_comes_again(
    spinning: Running, gdb: Callable[[str], Gdb]
) -> None:
    with control_of(spinning) as control:
        target = control.gdb()["target"]
        assert control.gdb("elsewhere")["target"] == target
        first = gdb(guest("spin"))
        first.connect(target)
        assert {vcpu["state"] for vcpu in control.status()["vcpus"]} == {"paused"}
        first.ask("-exec-continue")
        assert goes_on(control)
        first.ask("-exec-interrupt")
        assert 'signal-name="SIGINT"' in first.stopped()
        first.ask("-target-detach")
        assert goes_on(control)
        first.connect(target)
        first.ask("-target-detach")
        assert goes_on(control)
        control.stop()
    assert spinning.wait() == 130
    assert not Path(target).exists()
    spinning.check_nothing_left()


def test_a_debugger_that_vanishes_leaves_the_guest_running(
    spinning: Running, gdb: Callable[[str], Gdb]
) -> None:
    with control_of(spinning) as control:
        target = control.gdb()["target"]
        for place in ("guest_main", "*0x80000000"):
            one = gdb(guest("spin"))
            one.connect(target)
            one.ask(f"-break-insert {place}")
            one.vanish()
            assert goes_on(control)
        control.stop()
    assert spinning.wait() == 130


def test_a_second_debugger_is_refused_by_name(spinning: Running, gdb: Callable[[str], Gdb]) -> None:
    with control_of(spinning) as control:
        target = control.gdb("127.0.0.1:0")["target"]
        first, second = gdb(guest("spin")), gdb(guest("spin"))
        first.connect(target)
        second.refused(f"-target-select remote {target}")
        assert "is connected" in second.printed()
        assert "the debugger at 127.0.0.1:" in second.printed()
        assert len(first.console("info threads").splitlines()) == 3
        first.ask("-exec-continue")
        control.stop()
        assert 'reason="exited' in first.stopped()
    assert spinning.wait() == 130
    assert "is refused: the debugger at 127.0.0.1:" in spinning.stderr


def test_resume_is_left_to_the_debugger(spinning: Running, gdb: Callable[[str], Gdb]) -> None:
    with control_of(spinning) as control:
        one = gdb(guest("spin"))
        one.connect(control.gdb()["target"])
        with pytest.raises(Exception, match="has the guest; expected it to let it go on"):
            control.resume()
        one.end()
        control.stop()
    assert spinning.wait() == 130


def test_refused_debuggers_are_told_when_they_ask_and_take_no_descriptors(
    spinning: Running,
) -> None:
    with control_of(spinning) as control, ExitStack() as ends:
        target = control.gdb()["target"]

        def connected() -> socket.socket:
            connection = ends.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(LIMIT)
            connection.connect(target)
            return connection

        connected().sendall(encode(b"?"))
        eventually(lambda: control.status()["paused"])
        descriptors = Path(f"/proc/{spinning.process.pid}/fd")
        before = len(list(descriptors.iterdir()))
        silent = [connected() for _ in range(3 * MOST_REFUSED)]
        asking = connected()
        assert silent[-MOST_REFUSED].recv(1) == b""  # the last whose place was needed
        asking.sendall(b"+")  # as GDB does, before it asks
        control.status()
        assert select.select([asking], [], [], 0)[0] == []
        asking.sendall(encode(b"qSupported"))
        answer = b"".join(iter(lambda: asking.recv(4096), b""))  # until it is closed
        assert b"is connected" in answer
        assert len(list(descriptors.iterdir())) < before + MOST_REFUSED
        control.stop()
    assert spinning.wait() == 130
    spinning.check_nothing_left()
