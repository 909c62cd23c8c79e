"""Pause, registers, memory and stop of a running guest, from outside."""

import time
from collections.abc import Callable, Iterator

import pytest
from run_harness import LIMIT, Running, eventually, guest

from mttcg_bus import Control
from mttcg_bus.errors import CommandFailed, NoPublisher, PublisherLost
from mttcg_bus.wire.limits import LONGEST_PAUSE

CODE = 0x8780_0000
"""RAM that no guest here uses."""
SPINS = b"spinning on 2 harts\n"


def li_t6_and_stay(value: int) -> bytes:
    """Code: addi t6, zero, value; jal zero, 0."""
    return (value << 20 | 31 << 7 | 0x13).to_bytes(4, "little") + 0x6F.to_bytes(4, "little")


def control_of(running: Running) -> Control:
    return Control(next(w for w in running.stderr.split() if w.startswith("ipc://")), seconds=LIMIT)


@pytest.fixture(params=["llvm", "unicorn"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def spinning(start: Callable[..., Running], engine: str) -> Iterator[tuple[Running, Control]]:
    running = start(guest("spin"), "--smp", "2", "--engine", engine, "--control", "--quiet")
    running.read(until=SPINS)
    with control_of(running) as control:
        yield running, control


def counts(control: Control) -> list[int]:
    return [vcpu["instructions"] for vcpu in control.status()["vcpus"]]


def test_paused_vcpus_stand_still_and_so_does_the_clock(
    spinning: tuple[Running, Control],
) -> None:
    running, control = spinning
    asked = time.monotonic()  # before the clock stops, so that what follows is a bound
    assert {vcpu["state"] for vcpu in control.pause()} == {"paused"}
    before = control.read_registers(1), counts(control)
    first = control.read_registers(0, ["time"])["time"]
    control.read_memory(0x8000_0000, 1 << 20)  # takes a while
    assert control.read_registers(0, ["time"])["time"] == first
    assert (control.read_registers(1), counts(control)) == before
    stood = control.resume()
    eventually(
        lambda: all(now > then for now, then in zip(counts(control), before[1], strict=True))
    )
    control.pause()
    ticks = control.read_registers(0, ["time"])["time"] - first
    assert 0 < ticks <= (time.monotonic() - asked - stood) * 1e7
    control.resume()
    control.stop()
    assert running.wait() == 130
    running.check_nothing_left()


def test_registers_and_memory_are_written(spinning: tuple[Running, Control]) -> None:
    running, control = spinning
    control.pause()
    wanted = {"s11": 1 << 63, "x30": 7, "fs11": 0x7FF0_0000_0000_0000, "mscratch": 5, "fcsr": 0x1F}
    assert control.write_registers(0, wanted | {"zero": 9, "mtvec": 7}) == wanted | {
        "zero": 0,
        "mtvec": 5,
    }
    for value in (0x55, 0x2A):  # the second over the first: code is fetched anew
        control.write_memory(CODE, li_t6_and_stay(value))
        assert control.read_memory(CODE, 4, space="physical") == li_t6_and_stay(value)[:4]
        control.write_registers(0, {"pc": CODE, "t6": 0})
        before = counts(control)
        control.resume()
        eventually(lambda before=before: counts(control)[0] > before[0] + 1000)
        control.pause()
        found = control.read_registers(0)
        assert (found["t6"], found["pc"]) == (value, CODE + 4)
    assert {name: control.read_registers(0, [name])[name] for name in wanted} == wanted
    big = bytes(range(256)) * 400
    control.write_memory(CODE + 0x1_0000, big, cpu=1)
    assert control.read_memory(CODE + 0x1_0000, len(big)) == big
    control.stop()
    assert running.wait() == 130


def test_where_a_hart_is(spinning: tuple[Running, Control]) -> None:
    running, control = spinning
    found = eventually(
        lambda: [hart for hart in control.where() if hart["symbol"].startswith("guest_main")]
    )
    for hart in found:
        assert (hart["state"], hart["level"], hart["interrupts"]) == ("running", "M", 0)
        assert 0x8000_0000 <= hart["pc"] < 0x8001_0000
    control.stop()
    assert running.wait() == 130


@pytest.mark.parametrize("name", ["timer", "mix"])
def test_a_guest_does_not_notice_that_it_was_paused(
    start: Callable[..., Running], engine: str, name: str
) -> None:
    rounds = {"timer": "2000", "mix": "40"}[name]
    arguments = ("--smp", "3", "--set", f"rounds={rounds}", "--engine", engine)
    alone = start(guest(name), *arguments, "--quiet")
    status = alone.wait()
    running = start(guest(name), *arguments, "--control", "--quiet")
    eventually(lambda: "ipc://" in running.stderr, LIMIT)
    pauses = 0
    with control_of(running) as control:
        while pauses < 40:
            try:
                control.pause()
                pauses += 1
                control.resume()
            except (CommandFailed, NoPublisher, PublisherLost) as error:
                if "has not begun" not in str(error):
                    break  # it has ended
    assert running.wait() == status == 0
    assert pauses > 2
    assert sorted(running.shown.splitlines()) == sorted(alone.shown.splitlines())
    running.check_nothing_left()


def test_a_vcpu_that_dies_while_paused_ends_the_run_in_order(
    spinning: tuple[Running, Control],
) -> None:
    running, control = spinning
    control.pause()
    running.kill("vcpu", 1)
    assert running.wait() == 70
    assert "vCPU 1: its process ended (signal 9)" in running.stderr
    running.check_nothing_left()


@pytest.mark.parametrize(
    ("name", "arguments", "wrong"),
    [
        ("read_memory", {"address": 0, "size": 4}, "4 bytes at 0x0 are not RAM"),
        ("read_memory", {"address": 0x8000_0000, "size": 1 << 20}, "expected 0 to 32768"),
        ("read_memory", {"address": 0x8000_0000, "size": 4, "space": "other"}, "virtual or"),
        ("read_memory", {"address": 0x8000_0000, "size": 4, "cpu": 2}, "there is no vCPU 2"),
        ("read_memory", {"size": 4}, "field 'address' is absent"),
        ("write_memory", {"address": 0x8000_0000, "data": "text"}, "expected bytes"),
        ("write_memory", {"address": 0x87FF_FFFF, "data": b"12"}, "are not RAM"),
        ("read_registers", {"cpu": 0, "names": ["a9"]}, "there is no register 'a9'"),
        ("write_registers", {"cpu": 0, "values": {"a0": 1 << 63, "mip": 1}}, "mip can't be"),
        ("write_registers", {"cpu": 0, "values": {"a0": -1}}, "unsigned 64-bit"),
        ("write_registers", {"cpu": 0, "values": {"pc": 1}}, "is odd"),
        ("pause", {}, "is paused already"),
        ("jump", {}, "there is no command 'jump'"),
        ("load", {"spec": "nosuch"}, "plugin nosuch: unknown"),
        ("unload", {"plugin": "nosuch"}, "there is no plugin nosuch loaded; expected one of: none"),
        ("reload", {"plugin": "nosuch"}, "there is no plugin nosuch loaded"),
    ],
)
def test_what_can_not_be_done_is_said(
    paused: Control, name: str, arguments: dict[str, object], wrong: str
) -> None:
    before = paused.read_registers(0)
    with pytest.raises(CommandFailed) as caught:
        paused.command(name, arguments)
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)
    assert paused.read_registers(0) == before


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    running = Running(tmp_path_factory.mktemp("paused"), guest("spin"), "--control", "--quiet")
    running.read(until=b"spinning on 1 hart\n")
    try:
        with control_of(running) as control:
            control.pause()
            yield control
    finally:
        running.end()


def test_a_pause_waits_so_long(spinning: tuple[Running, Control]) -> None:
    _, control = spinning
    with pytest.raises(CommandFailed, match=r"'milliseconds' is not an integer in 0\.\.0x36ee80"):
        control.command("pause", {"milliseconds": LONGEST_PAUSE + 1})


def test_without_a_pause_nothing_is_read(spinning: tuple[Running, Control]) -> None:
    _, control = spinning
    for name, arguments in {
        "read_registers": {"cpu": 0},
        "write_registers": {"cpu": 0, "values": {"a0": 1}},
        "read_memory": {"address": 0x8000_0000, "size": 1},
        "write_memory": {"address": 0x8000_0000, "data": b"1"},
        "resume": {},
    }.items():
        with pytest.raises(CommandFailed, match="not paused; expected `pause` before"):
            control.command(name, arguments)
