"""Machines run from Python: twice, at the same time, from any thread, in a notebook."""

import gc
import importlib.util
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from run_harness import PLUGINS, Running, closes, eventually, guest, is_alive

from mttcg import Machine, RunResult, UserError
from mttcg.instrument import Counter, Cpu, instrument, instrument_block, symbol
from mttcg.supervisor.delivery.delivery import SubscribersMissingError
from mttcg.supervisor.terminal.console import standard_output
from mttcg_bus.subscriber.subscriber import Subscriber

RUNS, AT_ONCE = 8, 4
SCRIPT = """
import sys, threading
from mttcg import Machine

found = []

def work():
    found.append(Machine(sys.argv[1], smp=2).run())

thread = threading.Thread(target=work)
thread.start()
thread.join()
print(found[0].stop_reason, flush=True)
class Cell:
    def __init__(self): self.text = ""
    def write(self, text): self.text += text
    def flush(self): pass
stdout, sys.stdout = sys.stdout, Cell()
status = Machine(sys.argv[1], smp=1).run().exit_status
cell, sys.stdout = sys.stdout, stdout
print(repr(cell.text), status)
"""


def run(name: str, **options: Any) -> tuple[RunResult, bytes]:
    console = BytesIO()
    return Machine(guest(name), **options).run(console=console), console.getvalue()


def memory_files() -> list[str]:
    """What of a machine's memory this process has open or mapped."""
    links = [path for path in Path("/proc/self/fd").iterdir() if path.exists()]
    open_files = [str(path.readlink()) for path in links]
    mapped = Path("/proc/self/maps").read_text().splitlines()
    return [entry for entry in (*open_files, *mapped) if "memfd:mttcg" in entry]


def has_files(process: psutil.Process) -> bool:
    """Whether a process, which may have ended, has anything open."""
    try:
        return any(Path(f"/proc/{process.pid}/fd").iterdir())
    except OSError:
        return False


def test_many_runs_at_the_same_time_leave_nothing_behind() -> None:
    gc.collect()  # what tests before this one left to the collector
    me = psutil.Process()
    before, threads, files = me.num_fds(), me.num_threads(), memory_files()
    machine = Machine(guest("hello"), smp=2)

    def one(number: int) -> None:
        if number % 4 == 0:
            result, shown = run("hello", smp=1, plugins=["memtrace"])
            assert closes(result.ledger), result.ledger
            assert shown == b"hello from hart 0 of 1\n"
        else:
            console = BytesIO()
            result = machine.run(console=console)
            assert sorted(console.getvalue().splitlines()) == [
                b"hello from hart 0 of 2",
                b"hello from hart 1 of 2",
            ]
        assert (result.exit_status, result.failures) == (0, [])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len(list(pool.map(one, range(RUNS)))) == RUNS
    assert me.children() == []
    assert me.num_fds() == before
    eventually(lambda: me.num_threads() == threads)  # the pool's end a moment after its join
    assert memory_files() == files


def test_a_script_without_guard_from_a_thread_and_with_a_notebooks_stdout(
    start: Callable[..., Running],
) -> None:
    running = start(guest("hello"), program=("-c", SCRIPT))
    assert running.wait() == 0
    assert running.stderr == ""
    lines = running.shown.splitlines()
    assert sorted(lines[:2]) == [b"hello from hart 0 of 2", b"hello from hart 1 of 2"]
    assert lines[2:] == [b"the guest ended", b"'hello from hart 0 of 1\\n' 0"]
    running.check_nothing_left()


def test_standard_output_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    assert standard_output() is None
    monkeypatch.setattr(sys, "stdout", None)
    result = Machine(guest("hello")).run()
    assert (result.exit_status, result.failures) == (0, [])


def test_an_error_of_the_callers_ends_everything() -> None:
    me = psutil.Process()
    before = me.num_fds()
    descendants: list[psutil.Process] = []

    def raising(_status: object) -> None:
        descendants[:] = me.children(recursive=True)
        if len(descendants) == 6:  # host, publisher, aggregator; the vCPUs, the translator by now
            raise ValueError("from on_status")

    machine = Machine(guest("spin"), smp=2, plugins=["memtrace"])
    with pytest.raises(ValueError, match="from on_status"):
        machine.run(console=BytesIO(), on_status=raising)
    assert not list(filter(has_files, descendants))
    # what is killed lets go of its files a moment before it is seen as ended
    eventually(lambda: not list(filter(is_alive, descendants)))
    assert me.num_fds() == before


def test_a_subscriber_that_does_not_come_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mttcg.supervisor.run.SUBSCRIBER_SECONDS", 3.0)
    machine = Machine(guest("hello"), plugins=["memtrace"], wait_subscribers=2)
    addresses: list[str] = []
    missing = "the run can't begin without 2 of the subscribers to wait for: not there after 3 s"
    with pytest.raises(SubscribersMissingError, match=missing):
        machine.run(console=BytesIO(), on_bus=addresses.append)
    assert [address[:6] for address in addresses] == ["ipc://"]


@pytest.mark.parametrize("strangers", [0, 1])
def test_an_aggregator_that_does_not_start_is_named(
    tmp_path: Path, strangers: int, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "torn.py"
    plugin.write_text(
        "import sys\n"
        "import mttcg_bus\n"
        "from mttcg.instrument import Stream, events, instrument_memory\n"
        "if 'subscribe' in sys.argv:\n"
        "    raise OSError('torn')\n"
        "class Aggregator(mttcg_bus.Aggregator):\n"
        "    def consume(self, stream, cpu, records): pass\n"
        "    def report(self): return {}\n"
        "def plugin_init(_options):\n"
        "    instrument_memory(None, Stream('access', events.ACCESS))\n"
    )
    machine = Machine(guest("hello"), plugins=[str(plugin)])
    missing = "without the aggregator of torn: plugin torn: .*: torn"
    with ExitStack() as there:

        def subscribe(url: str) -> None:
            """Be there before the aggregator, which a stranger does not stand in for."""
            for _ in range(strangers):
                there.enter_context(Subscriber(url, [""], "torn"))

        with pytest.raises(SubscribersMissingError, match=missing) as raised:
            machine.run(console=BytesIO(), on_bus=subscribe)
    assert raised.value.exit_status == 2
    assert capfd.readouterr().err == ""


CALLED = Counter("called")
LIMIT = 3


@dataclass(frozen=True)
class Seen:
    texts: tuple[str, ...] = ("print_text", "print_number")


def count_texts() -> None:
    """Count what is printed, "quoted" \\ as it is."""
    for name in Seen().texts:
        instrument(None, symbol(name), CALLED)
    instrument_block(1, None, first_only, LIMIT, once=True)


def first_only(cpu: Cpu, _block: object, limit: int) -> None:
    # from here on another vCPU is asked, for which the function has to have a name
    instrument(0, symbol("print_text"), other, limit)


def other(_cpu: Cpu, limit: int) -> None:
    assert limit == LIMIT


def with_options(options: object) -> bool:
    """Take options, and refuse."""
    return options is not None


def test_functions_and_modules_are_plugins(tmp_path: Path) -> None:
    folder = tmp_path / "with, comma"
    folder.mkdir()
    (folder / "passing.py").write_bytes((PLUGINS / "passing.py").read_bytes())
    spec = importlib.util.spec_from_file_location("passing", folder / "passing.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    plugins = [count_texts, (module, {"python": False}), "icount"]
    machine = Machine(guest("hello"), smp=2, plugins=plugins)
    result = machine.run(console=BytesIO())
    assert result.failures == [] and result.warnings == []
    assert list(result.plugins) == ["count_texts", "passing", "icount"]
    assert result.plugins["count_texts"]["total"]["called"] == 2 * 5
    written = machine.plugin_files.folder
    assert written is not None and written.exists()
    del machine
    gc.collect()
    assert not written.exists()


def test_a_function_of_a_script_is_a_plugin(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'print_text'\n")
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from mttcg import Machine\n"
        "from mttcg.instrument import Counter, instrument, symbol\n"
        "import beside\n"
        "def count(): instrument(None, symbol(beside.NAME), Counter('texts'))\n"
        "found = Machine(sys.argv[1], plugins=[count]).run().plugins\n"
        "print(found['count']['total'])\n"
    )
    running = start(guest("hello"), program=(str(tmp_path / "script.py"),))
    assert running.wait() == 0, running.stderr
    assert running.shown.splitlines()[-1] == b"{'texts': 3}"


@pytest.mark.parametrize(
    ("plugins", "wrong"),
    [
        ("icount", "'icount' is no list; expected a list of"),
        ([3], "3 is none; expected a spec, a module, a function"),
        ([lambda: None], "<lambda> has no name; expected a function made by def"),
        ([sys], "module sys has no file"),
    ],
)
def test_what_is_no_plugin_is_refused(plugins: Any, wrong: str) -> None:
    with pytest.raises(UserError, match=re.escape(wrong)):
        Machine(guest("hello"), plugins=plugins)


def test_a_function_that_refuses() -> None:
    with pytest.raises(UserError, match="plugin with_options: plugin_init returned False"):
        Machine(guest("hello"), plugins=[with_options]).run(console=BytesIO())


def test_sleeps_of_a_vcpu_end_when_they_are_due(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "slack.py"
    plugin.write_text(
        "from pathlib import Path\n"
        "def plugin_vcpu_start(cpu):\n"
        "    print('slack', Path('/proc/self/timerslack_ns').read_text())\n"
    )
    Machine(guest("hello"), plugins=[plugin]).run(console=BytesIO())
    assert "slack 1\n" in capfd.readouterr().err
