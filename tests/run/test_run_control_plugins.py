"""Plugins that are loaded, unloaded and reloaded while a guest runs."""

import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flood_guest import add_immediate, branch_not_zero
from run_harness import LIMIT, PLUGINS, Running, eventually, guest, plugin
from tiny_elf import RAM_BASE, TinyElf, TinySegment

from mttcg.cli import main
from mttcg_bus import Control, Recording
from mttcg_bus.errors import CommandFailed

Spinning = tuple[Running, Control]
SPINS = b"spinning on 2 harts\n"


def control_of(running: Running) -> Control:
    return Control(next(w for w in running.stderr.split() if w.startswith("ipc://")), seconds=LIMIT)


@pytest.fixture(params=["llvm", "unicorn"])
def spinning(
    start: Callable[..., Running], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Spinning]:
    options = ("--smp", "2", "--engine", request.param, "--control", "--quiet")
    recording = ("--record", str(tmp_path / "recording"))
    running = start(guest("spin"), *options, *recording, with_json=True)
    running.read(until=SPINS)
    with control_of(running) as control:
        yield running, control


def instructions(control: Control) -> list[int]:
    return [vcpu["instructions"] for vcpu in control.status()["vcpus"]]


def run_for_a_while(control: Control) -> None:
    """Let each vCPU of a paused guest run some instructions, and pause it again."""
    before = instructions(control)
    control.resume()
    eventually(lambda: min(map(int.__sub__, instructions(control), before)) > 1000, LIMIT)
    control.pause()


def test_a_plugin_loaded_late_counts_exactly_from_its_epoch(spinning: Spinning) -> None:
    _, control = spinning
    control.pause()
    assert control.load("icount")["plugin"] == "icount"
    before = instructions(control)
    run_for_a_while(control)
    after = instructions(control)
    (listed,) = control.plugins()
    found = control.unload("icount")
    wanted = [now - then for now, then in zip(after, before, strict=True)]
    assert [row["instructions"] for row in found["counters"]["vcpus"]] == wanted
    assert found["counters"]["total"] == listed["counters"]
    assert found["epoch"] > listed["epoch"] > 0
    assert control.plugins() == []


def test_records_from_load_to_unload_all_arrive(spinning: Spinning, tmp_path: Path) -> None:
    running, control = spinning
    for _ in range(2):
        control.pause()
        assert control.load("memtrace")["streams"] == ["memtrace.access"]
        control.load(plugin("passing"))
        run_for_a_while(control)
        where = {(a["plugin"], a["where"], a["kind"]) for a in control.instruments()["attachments"]}
        assert ("passing", "block", "python") in where
        assert ("memtrace", "access", "stream") in where
        control.resume()
        control.unload("passing")
        found = control.unload("memtrace")
        counts = found["ledger"]["memtrace.access"]
        assert counts["emitted"] == counts["delivered"] > 0
        assert found["report"]["accesses"] > 0
        assert control.instruments() == {"attachments": [], "callbacks": [], "streams": []}
    control.stop()
    assert running.wait() == 130
    result = running.result
    assert result["ledger"]["memtrace.access"] == counts
    assert result["plugins"]["memtrace"] == found["report"]
    with Recording(tmp_path / "recording", ["memtrace."]) as recording:
        list(recording)
        assert recording.records == counts["emitted"]
    running.check_nothing_left()


def test_calls_of_python_are_counted_and_timed(spinning: Spinning) -> None:
    _, control = spinning
    began = time.monotonic_ns()
    control.load(plugin("late"))

    def calls() -> list[int]:
        found = control.instruments()
        return [each["calls"] for each in found["attachments"] if each["name"] == "entered"]

    eventually(lambda: len(calls()) == 2 and min(calls()) > 10, LIMIT)
    control.pause()
    found = control.instruments()
    attached = [each for each in found["attachments"] if each["name"] == "entered"]
    assert len(attached) == 2
    elapsed = time.monotonic_ns() - began
    for each, whole in zip(attached, found["callbacks"], strict=True):
        assert whole["calls"] >= each["calls"] > 10
        assert elapsed >= whole["nanoseconds"]
        assert whole["nanoseconds"] >= each["nanoseconds"] >= 10 * each["calls"]


def test_a_late_plugin_is_shown_what_was_found_before(
    start: Callable[..., Running],
) -> None:
    found = []
    for given in (("--plugin", plugin("late")), ()):
        running = start(guest("spin"), *given, "--control", "--quiet")
        running.read(until=b"spinning on 1 hart\n")
        with control_of(running) as control:
            control.pause()
            if not given:
                control.load(plugin("late"))
            found.append(set(control.unload("late")["report"]["pcs"]))
            control.stop()
        assert running.wait() == 130
    early, late = found
    assert early == late
    assert len(late) > 100


def edited(tmp_path: Path, old: str = "", new: str = "") -> str:
    text = (PLUGINS / "late.py").read_text()
    assert old in text
    (tmp_path / "late.py").write_text(text.replace(old, new) if old else text)
    return str(tmp_path / "late.py")


def test_a_reload_takes_the_file_as_it_is_now(spinning: Spinning, tmp_path: Path) -> None:
    _, control = spinning
    first = control.load(edited(tmp_path))
    edited(tmp_path, "entered", "renamed")
    second = control.reload("late")
    assert second["epoch"] > first["epoch"]
    assert second["streams"] == first["streams"] == ["late.seen"]
    names = {each["name"] for each in control.instruments()["attachments"]}
    assert names == {"renamed"}
    report = control.unload("late")
    counts = report["ledger"]["late.seen"]
    assert counts["emitted"] == counts["delivered"] > len(report["report"]["pcs"])


def refused(control: Control, work: Callable[[], Any]) -> str:
    """The words with which something is refused, and nothing changes."""
    before = control.instruments()["attachments"], control.plugins()
    with pytest.raises(CommandFailed) as caught:
        work()
    after = control.instruments()["attachments"], control.plugins()
    kept = [[each["plugin"] for each in found[0]] for found in (before, after)]
    assert kept[0] == kept[1]
    assert [p["name"] for p in before[1]] == [p["name"] for p in after[1]]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_reload_with_other_records_is_refused(spinning: Spinning, tmp_path: Path) -> None:
    _, control = spinning
    control.load(edited(tmp_path))
    edited(tmp_path, '("pad", "<u4")', '("more", "<u8")')
    wrong = refused(control, lambda: control.reload("late"))
    assert "the records of stream late.seen have become" in wrong
    edited(tmp_path, 'Stream("seen"', 'Stream("other"')
    assert "stream late." in refused(control, lambda: control.reload("late"))
    edited(tmp_path, "def entered(", "def entered(:")
    assert "SyntaxError" in refused(control, lambda: control.reload("late"))
    edited(tmp_path)
    assert control.reload("late")["plugin"] == "late"


def test_what_can_not_be_loaded_is_said_and_leaves_the_rest(spinning: Spinning) -> None:
    running, control = spinning
    control.load("icount")
    for spec, wrong in {
        "icount": "plugin icount is loaded already",
        "nosuch": "plugin nosuch: unknown; known are",
        "icount,colour=blue": "unknown option 'colour'; known are: space, mode",
        str(PLUGINS / "refusing.py"): "plugin_init returned False",
        str(PLUGINS / "broken.py"): "importing it fails",
        plugin("second_half", at="check"): "plugin second_half: option at: this is check; expected",
        plugin("second_half", at="begin"): "the aggregator of second_half can't begin: option at: ",
    }.items():
        assert wrong in refused(control, lambda spec=spec: control.load(spec)), spec
    assert control.unload("icount")["counters"]["total"]["instructions"] > 0
    assert control.load(plugin("second_half", at="never"))["streams"] == ["second_half.blocks"]
    control.stop()
    assert (running.wait(), running.result["failures"]) == (130, [])


def test_an_aggregator_that_dies_is_named_and_the_guest_goes_on(spinning: Spinning) -> None:
    running, control = spinning
    control.load("memtrace")
    control.pause()
    (aggregator,) = [a for a in running.members("aggregator") if "record" not in a.cmdline()]
    aggregator.kill()
    control.resume()
    assert control.unload("memtrace")["report"] == {}
    control.stop()
    assert running.wait() == 130
    assert "the aggregator of memtrace gave no report" in running.stderr
    running.check_nothing_left()


@pytest.mark.parametrize("role", ["vcpu", "publisher", "host"])
def test_a_death_under_loads_ends_the_run_in_order(
    start: Callable[..., Running], role: str
) -> None:
    running = start(guest("spin"), "--smp", "2", "--control", "--quiet", "--no-aggregate")
    running.read(until=SPINS)
    with control_of(running) as control:
        for _ in range(3):
            control.load(plugin("passing"))
            control.unload("passing")
        control._dealer.send(*load_of("passing"))
    running.kill(role)
    assert running.wait() == 70
    running.check_nothing_left()


def load_of(name: str) -> tuple[Any, bytes]:
    from mttcg_bus.wire import wire

    return wire.Command(1, "load"), wire.pack({"spec": plugin(name)})


def test_options_that_do_not_fit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["keys", str(tmp_path / "key")]) == 0
    capsys.readouterr()
    hello, key = guest("hello"), str(tmp_path / "key")
    for arguments, wrong in {
        (
            "--control",
            "--bus",
            "tcp://127.0.0.1:*",
        ): "--control: tcp://127.0.0.1:* has a token",
        ("--control", "--allow-control", key): "--allow-control: there is no --keys",
        ("--keys", key, "--allow-control", key): "--allow-control: there is no --control",
    }.items():
        assert main(["run", hello, *arguments]) == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith(f"mttcg: {wrong}")
        assert complaint.count("\n") == 1


def test_the_verb_answers_and_refuses_in_one_line(
    spinning: Spinning, capsys: pytest.CaptureFixture[str]
) -> None:
    running, _ = spinning
    url = next(w for w in running.stderr.split() if w.startswith("ipc://"))

    def ctl(*arguments: str) -> tuple[int, str, str]:
        status = main(["ctl", url, *arguments])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    assert ctl("load", "icount")[0] == 0
    for arguments, wanted in {
        ("status",): "running",
        ("plugins",): "icount",
        ("instruments",): "instruction",
        ("ledger", "--json"): '"streams"',
        ("pause",): "paused",
        ("registers", "1", "s11=0x7", "pc"): "s11 0x0000000000000007",
        ("write", "_start+0x100000", "c0ffee"): "size",
        ("read", "_start+0x100000", "3"): "c0 ff ee",
        ("resume",): "seconds paused",
        ("reload", "icount"): "instructions",
        ("unload", "icount"): "instructions",
    }.items():
        status, out, err = ctl(*arguments)
        assert (status, err) == (0, ""), arguments
        assert wanted in out
    for arguments, wrong in {
        ("unload", "icount"): "there is no plugin icount loaded",
        ("resume",): "the guest is not paused",
        ("read", "nowhere"): "the guest has no symbol nowhere",
        ("read", "0x80000000", "x"): "SIZE: 'x' is no number",
        ("write", "0x80000000", "0"): "pairs of hexadecimal digits",
        ("write", "0x80000000"): "bytes are to be given once",
        ("registers", "0", "a0=x"): "'x' is no number",
        ("status", "--timeout", "0"): "--timeout: 0 is out of range",
        ("jump",): "invalid choice: 'jump'",
    }.items():
        status, _, err = ctl(*arguments)
        assert status == 2, arguments
        assert wrong in err
        assert err.count("\n") == 1
    assert ctl("stop")[0] == 0
    assert running.wait() == 130


POLLING = RAM_BASE + 8
"""Of the guest below: where its loop begins, with a load from a device that the host makes."""


def polling_guest() -> bytes:
    """A guest that polls a device while s0 is 1, and then spins without."""
    scratch, toggle = 0x0072_C383, 0x001E_4E13  # lbu t2, 7(t0); xori t3, t3, 1
    start = 0x1000_02B7, add_immediate(8, 0, 1)  # lui t0, 0x10000
    code = (*start, scratch, toggle, branch_not_zero(8, -8), 0x6F)
    return TinyElf(segments=(TinySegment(data=struct.pack("<6I", *code)),)).content()


def has_run(control: Control) -> bool:
    try:
        return instructions(control)[0] > 100
    except CommandFailed:  # it has not begun
        return False


def pause_at(control: Control, pc: int) -> None:
    """Pause the guest above where it is to be."""

    def paused() -> bool:
        control.pause()
        if control.read_registers(0, ["pc"])["pc"] == pc:
            return True
        control.resume()
        return False

    eventually(paused, LIMIT)


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_instructions_count_from_the_middle_of_a_block_to_that_of_another(
    start: Callable[..., Running], engine: str, tmp_path: Path
) -> None:
    (tmp_path / "polling.elf").write_bytes(polling_guest())
    options = ("--control", "--engine", engine, "--plugin", "howvec")
    running = start(str(tmp_path / "polling.elf"), *options)
    eventually(lambda: "ipc://" in running.stderr, LIMIT)
    with control_of(running) as control:
        eventually(lambda: has_run(control), LIMIT)

        def counted() -> tuple[int, int]:
            rows = control.unload("howvec")["report"]["frequent"]
            found = {row["instruction"]: row["executions"] for row in rows}
            return found["lbu"], found["xori"]

        pause_at(control, POLLING + 4)  # behind the load, in the middle of a block
        loads, toggles = counted()  # the last load's is still to come
        assert toggles == loads - 1 > 10
        control.load("howvec")
        before = instructions(control)[0]
        control.resume()
        eventually(lambda: instructions(control)[0] > before + 100, LIMIT)
        control.pause()
        control.write_registers(0, {"s0": 0})
        control.resume()
        pause_at(control, POLLING + 12)
        loads, toggles = counted()
        assert toggles == loads + 1 > 10
        control.stop()
    assert running.wait() == 130
