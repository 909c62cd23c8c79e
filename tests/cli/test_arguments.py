import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from samples import BARE, run_result, stand_in_machine

from mttcg.cli import VERBS, build_parser, main
from mttcg.config import Config
from mttcg.errors import GuestFileError, MttcgError
from mttcg.supervisor.results.result import StopReason
from mttcg.version import VERSION


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    """Run the command line, which must answer with one line on stderr; give that line."""
    assert main(list(arguments)) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mttcg: ")
    assert err.count("\n") == 1, err
    return err


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ([], "VERB"),
        (["walk"], "invalid choice: 'walk'"),
        (["run"], "GUEST"),
        (["run", "a", "b"], "unrecognized arguments: b"),
        (["run", "a", "--sm", "2"], "unrecognized arguments: --sm"),
        (["run", "a", "--smp", "two"], "invalid int value: 'two'"),
        (["run", "a", "--smp", "0"], "0 is out of range; expected a whole number from 1 to 64"),
        (["run", "a", "--smp", "65"], "65 is out of range"),
        (["run", "a", "--memory", "lots"], "'lots' is not a size"),
        (["run", "a", "--memory", "128G"], "out of range"),
        (["run", "a", "--code-cache", "1M"], "--code-cache"),
        (["run", "a", "--code-cache", "much"], "'much' is not a size"),
        (["run", "a", "--engine", "qemu"], "'qemu' is not known; expected auto or unicorn"),
        (
            ["run", "a", "--tiers", "fast"],
            "'fast' is not known; expected interpreter,optimised or interpreter",
        ),
        (
            ["run", "a", "--engine", "unicorn", "--tiers", "interpreter"],
            "unicorn has none; expected --engine llvm",
        ),
        (["run", "a", "--set", "rounds"], "'rounds' is not an assignment"),
        (["run", "a", "--set", "rounds=x"], "not an assignment"),
        (["run", "a", "--set", "a=1", "--set", "a=2"], "a is given twice"),
        (["run", "a", "--wait-subscribers", "-1"], "out of range"),
        (["run", "a", "--shards", "0"], "--shards: 0 is out of range; expected a whole number"),
        (["run", "a", "--shards", "a=x"], "'a=x' is not a number of shards; expected N or PLUGIN"),
        (["run", "a", "--shards", "=2"], "'=2' is not a number of shards"),
        (["run", "a", "--shards", "2", "--shards", "3"], "'3': given twice"),
        (["run", "a", "--interim", "-1"], "--interim: -1.0 is out of range"),
        (["subscribe", "ipc:///x", "--plugin", "memtrace", "--shards", "65"], "65 is out of range"),
        (["subscribe", "ipc:///x", "--plugin", "memtrace", "--interim", "-2"], "out of range"),
        (["subscribe", "ipc:///x", "--plugin", "memtrace", "--shard", "0/2"], "for --state-fd"),
        (
            ["subscribe", "ipc:///x", "--plugin", "memtrace", "--shard", "2/2", "--state-fd", "0"],
            "--shard: '2/2' is none; expected I/N",
        ),
        (["subscribe", "ipc:///x", "--plugin", "memtrace", "--state-fd", "99"], "99 is not open"),
        (["run", "a", "--policy", "drop"], "'drop' is not NAME=POLICY"),
        (["run", "a", "--policy", "m=lossy"], "m: 'lossy' is no policy; expected block or drop or"),
        (["run", "a", "--policy", "m=drop", "--policy", "m=block"], "m is given twice"),
        (["run", "a", "--stall-limit", "-1"], "-1.0 is out of range; expected seconds, from 0"),
        (["run", "a", "--stall-limit", "nan"], "nan is out of range"),
        (["subscribe", "ipc:///x", "--plugin", BARE, "--policy", "x"], "'x' is no policy"),
        (["run", "a", "--record", "no/such/r"], "--record: there is no directory no/such"),
        (["run", "a", "--allow", "k.pub"], "--allow: there are no --keys"),
        (["run", "a", "--allow-control", "k.pub"], "--allow-control: there is no --control"),
        (["run", "a", "--control", "--bus", "tcp://127.0.0.1:*"], "an ipc:// address, or --keys"),
        (["ctl", "ipc:///x"], "ACTION"),
        (["ctl", "ftp://x", "status"], "expected ipc:///path or tcp://"),
        (["subscribe", "ipc:///x", "--plugin", "memtrace", "--keys", "k"], "there is no --server"),
        (["record", "ipc:///x", "f", "--server", "k"], "there is no --keys"),
        (["top", "ipc:///x", "--token", "t", "--keys", "k"], "--token: there are keys, too"),
        (["ctl", "ipc:///x", "status", "--token", "t"], "token file t: No such file"),
        (["record", "ipc:///x", "f", "--keys", "k", "--server", "k"], "key file k: No such file"),
        (["keys", "no/such/key"], "key file no/such/key: No such file"),
        (["record", "ipc:///x"], "FILE"),
        (["record", "ftp://x", "r"], "expected ipc:///path or tcp://"),
        (["replay", "absent", "--plugin", "memtrace"], "recording absent: No such file"),
        (["replay", "absent", "--plugin", BARE], "no class Aggregator"),
        (["replay", BARE, "--plugin", "memtrace"], "not a recording"),
        (["export", "absent", "--parquet", "p"], "recording absent: No such file"),
        (["export", "absent"], "--parquet"),
        (["run", "a", "--json", "."], "is a directory"),
        (["run", "a", "--json", "no/such/x.json"], "there is no directory no/such"),
        (["run", "a", "--plugin"], "expected one argument"),
        (["subscribe"], "URL"),
        (["subscribe", "ipc:///x"], "--plugin"),
        (["subscribe", "ipc:///x", "--plugin", ""], "has no name"),
        (["subscribe", "ipc:///x", "--plugin", "./absent.py"], "no such file"),
        (["subscribe", "ipc:///x", "--plugin", BARE], "no class Aggregator"),
        (["subscribe", "ftp://x", "--plugin", BARE, "--report-fd", "x"], "invalid int"),
        (["plugins", "a", "b"], "unrecognized arguments"),
        (["plugins", "no\nsuch"], "unknown; known are"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], wrong: str
) -> None:
    assert wrong in mistake(capsys, *arguments)


def test_what_the_machine_refuses_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, config: Config) -> None:
        raise GuestFileError(config.guest, "is not an ELF file", "an RV64 executable")

    stand_in_machine(monkeypatch, __init__=refuse)
    line = mistake(capsys, "run", "notes.txt")
    assert line == "mttcg: notes.txt: is not an ELF file; expected an RV64 executable\n"


def test_an_error_of_the_bus_has_its_own_status(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mttcg_bus.errors import AddressInUse, PublisherLost

    for error, status in ((AddressInUse("u", "taken"), 2), (PublisherLost("u", "gone"), 70)):

        def refuse(self: object, error: Exception = error, **keywords: object) -> None:
            raise error

        stand_in_machine(monkeypatch, run=refuse)
        assert "bus u: " in mistake(capsys, "run", "a", status=status)


def test_a_fault_of_ours_is_status_70_with_its_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_machine(monkeypatch, run=lambda self, **keywords: 1 // 0)
    assert main(["run", "a"]) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("mttcg: fault: ZeroDivisionError: integer division or modulo by zero\n")
    stand_in_machine(monkeypatch, run=lambda self, **keywords: fail_with(MttcgError("broken")))
    assert mistake(capsys, "run", "a", status=70) == "mttcg: broken\n"


def fail_with(error: BaseException) -> None:
    raise error


def test_ctrl_c_before_the_run_is_status_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_machine(monkeypatch, __init__=lambda *a, **k: fail_with(KeyboardInterrupt()))
    assert "interrupted" in mistake(capsys, "run", "a", status=130)


def test_tiers_reach_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = stand_in_machine(monkeypatch)
    assert main(["run", "a.elf", "--tiers", "interpreter"]) == 0
    assert machine.made == Config(guest=Path("a.elf"), tiers="interpreter")


def test_no_semihosting_reaches_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = stand_in_machine(monkeypatch)
    assert main(["run", "a.elf", "--no-semihosting"]) == 0
    assert machine.made == Config(guest=Path("a.elf"), semihosting=False)


def test_every_option_reaches_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = stand_in_machine(monkeypatch)
    options = "--smp 4 --memory 64M --code-cache 16M --code-store x --engine unicorn"
    options += " --plugin icount --plugin hotblocks,top=3"
    more = "--bus tcp://127.0.0.1:* --set rounds=0x10 --set last=-1 --check --pin"
    bus = "--wait-subscribers 2 --policy a=drop --policy a.b=sample:8 --stall-limit 2.5 --record r"
    bus += " --record-limit 2G --stop-on-trap-loop --args one --semihosting-files /"
    bus += " --control --allow-control c.pub"
    bus += (
        " --no-aggregate --keys k --allow a.pub --allow b.pub --shards 2 --shards a=3 --interim 1.5"
    )
    assert main(["run", "a.elf", *options.split(), *more.split(), *bus.split()]) == 0
    assert machine.made == Config(
        guest=Path("a.elf"),
        smp=4,
        memory=64 << 20,
        code_cache=16 << 20,
        code_store=Path("x"),
        engine="unicorn",
        plugins=("icount", "hotblocks,top=3"),
        bus="tcp://127.0.0.1:*",
        symbols_set={"rounds": 16, "last": -1},
        check=True,
        pin=True,
        aggregate=False,
        shards={"": 2, "a": 3},
        interim=1.5,
        wait_subscribers=2,
        policies={"a": "drop", "a.b": "sample:8"},
        stall_limit=2.5,
        stop_on_trap_loop=True,
        args="one",
        semihosting_files=Path("/"),
        record=Path("r"),
        record_limit=2 << 30,
        keys=Path("k"),
        allow=(Path("a.pub"), Path("b.pub")),
        control=True,
        allow_control=(Path("c.pub"),),
    )
    assert machine.ran["on_status"] is None
    assert machine.ran["stdin_fd"] is None


def test_the_console_is_on_stdout_and_the_report_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = stand_in_machine(monkeypatch)
    file = tmp_path / "result.json"
    assert main(["run", "a.elf", "--json", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out == "hello from hart 0\n"
    assert "counter.elf on unicorn" in err
    assert "icount" in err
    assert "\x1b" not in err
    assert json.loads(file.read_text()) == machine.result.to_json()


def test_quiet_leaves_only_what_went_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_machine(monkeypatch, result=run_result(failures=["Traceback:\n  x", "lost 3"]))
    assert main(["run", "a.elf", "--quiet"]) == 70
    assert capsys.readouterr().err == "mttcg: Traceback:\n    x\nmttcg: lost 3\n"


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [(0, 0, ""), (7, 7, ""), (255, 255, ""), (256, 255, "is 256"), (-1, 255, "is -1")],
)
def test_the_exit_status_is_the_guests_code(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    status: int,
    said: str,
) -> None:
    stand_in_machine(monkeypatch, result=run_result(exit_status=code))
    assert main(["run", "a.elf", "--quiet"]) == status
    err = capsys.readouterr().err
    assert said in err
    assert bool(err) == bool(said)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_ends_the_run_in_order_with_its_report(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    status: int,
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    stand_in_machine(monkeypatch, signal_to_send=number)
    assert main(["run", "a.elf"]) == status
    assert f"on unicorn: {StopReason.INTERRUPTED}" in capsys.readouterr().err
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


def test_a_result_file_that_cannot_be_written_still_leaves_the_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_machine(monkeypatch)
    assert main(["run", "a.elf", "--json", "/dev/full"]) == 70
    err = capsys.readouterr().err
    assert "counter.elf on unicorn" in err
    assert "mttcg: --json: /dev/full: No space left on device\n" in err


def test_help_and_version_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mttcg {VERSION}\n"
    for verb, row in VERBS.items():
        assert main([verb, "--help"]) == 0
        assert row.summary.split(",")[0] in capsys.readouterr().out


def python(*arguments: str, **keywords: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_python_m_mttcg_is_the_command() -> None:
    found = python("-m", "mttcg", "--version")
    assert (found.returncode, found.stdout, found.stderr) == (0, f"mttcg {VERSION}\n", "")
    found = python("-m", "mttcg", "run", "a.elf", "--smp", "65")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("mttcg: --smp: 65 is out of range")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["mttcg", "mttcg.instrument", "mttcg.cli", "mttcg_bus"])
def test_importing_is_light(module: str) -> None:
    heavy = "{'numba', 'unicorn', 'llvmlite', 'capstone', 'zmq'}"
    found = python("-c", f"import sys, {module}; sys.exit(str({heavy} & set(sys.modules)))")
    assert found.stderr == "set()\n"


def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from types import ModuleType\n"
        "from samples import StandInMachine\n"
        "module = sys.modules['mttcg.supervisor.machine'] = ModuleType('m')\n"
        "module.Machine = StandInMachine\n"
        "from mttcg.cli import main\n"
        "sys.exit(main(['run', 'a.elf', '--quiet']))\n"
    )
    with os.fdopen(writing, "wb") as stdout:
        found = subprocess.run(
            [sys.executable, "-c", script],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert found.stderr == "mttcg: stdout was closed; the guest's later output is lost\n"
    assert found.returncode == 0


def test_the_demo_is_a_run_that_it_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr("mttcg.cli.run.RunVerb.run", lambda _self, args: given.append(args) or 0)
    monkeypatch.chdir(Path(__file__).parents[2])
    assert main(["demo"]) == 0
    [args] = given
    shown = "examples/guests/counter.elf --smp 4 --plugin icount --plugin memtrace,top=5"
    assert capsys.readouterr().err == f"mttcg: this is: mttcg run {shown}\n"
    expected = build_parser().parse_args(["run", *shown.split()])
    assert vars(args) == {name: value for name, value in vars(expected).items() if name != "verb"}
