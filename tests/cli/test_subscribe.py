import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import PLUGINS, SAMPLE

from mttcg.cli import main
from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.ring.ring import RingProducer, create_ring
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import StreamSpec

ANNOUNCING = str(PLUGINS / "announcing.py")
RECORD = np.dtype([("value", "<u8")])
SMP = 2
LIMIT = 30.0


class Publishing:
    """A publisher of the streams of both sample plugins, two vCPUs each, and their producers."""

    def __init__(self, stack: ExitStack) -> None:
        specs = [StreamSpec(name, RECORD) for name in ("sample.value", "announcing.value")]
        self.rings = {spec.name: [create_ring(spec) for _ in range(SMP)] for spec in specs}
        doorbell, *space = (os.eventfd(0, os.EFD_NONBLOCK) for _ in range(1 + SMP))
        run = RunInfo("r", "a.elf", SMP, "unicorn", 0x8000_0000, 1 << 20, 0x8000_0000)
        self.process = PublisherProcess.start(None, run, specs, self.rings, doorbell, space)
        self.url = self.process.url
        for fd in (doorbell, *space, *(fd for fds in self.rings.values() for fd in fds)):
            stack.callback(os.close, fd)
        self.producers = {
            (name, cpu): RingProducer(fd, RECORD, doorbell, space[cpu])
            for name, fds in self.rings.items()
            for cpu, fd in enumerate(fds)
        }
        for producer in self.producers.values():
            stack.callback(producer.unmap)
        stack.callback(self.process.terminate)  # first of all: it still writes to the rings

    def emit(self, stream: str, cpu: int, *values: int) -> None:
        records = np.array([(value,) for value in values], RECORD)
        self.producers[stream, cpu].append(records)
        self.producers[stream, cpu].ring_doorbell()


@pytest.fixture
def publishing() -> Iterator[Publishing]:
    with ExitStack() as stack:
        yield Publishing(stack)


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[str]"]]:
    """The processes a test started; those still there at its end are killed."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def subscribe(
    started: list["subprocess.Popen[str]"], url: str, *arguments: str, **keywords: Any
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "mttcg", "subscribe", url, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords
    )
    started.append(process)
    return process


def test_the_report_goes_to_stdout_and_to_a_file(
    publishing: Publishing, started: list["subprocess.Popen[str]"], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    process = subscribe(started, publishing.url, "--plugin", SAMPLE, "--json", str(file))
    assert publishing.process.wait_subscribers(1, LIMIT)
    publishing.emit("sample.value", 0, 1, 2, 3)
    publishing.emit("sample.value", 1, 10)
    publishing.emit("announcing.value", 1, 1000)
    assert publishing.process.finish(LIMIT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")
    assert out.split()[:3] == ["sample", "total", "16"]
    assert json.loads(file.read_text()) == {
        "plugin": "sample",
        "report": {"total": 16, "per_cpu": [{"cpu": 0, "records": 3}, {"cpu": 1, "records": 1}]},
        "complete": True,
        "missing": [],
        "gaps": [],
        "failure": "",
    }


def test_shards_and_interim_reports(
    publishing: Publishing, started: list["subprocess.Popen[str]"], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    options = ["--shards", "4", "--interim", "0.05", "--json", str(file)]
    process = subscribe(started, publishing.url, "--plugin", SAMPLE, *options)
    assert publishing.process.wait_subscribers(SMP, LIMIT)  # no more than there are vCPUs
    publishing.emit("sample.value", 0, 1, 2, 3)
    publishing.emit("sample.value", 1, 10)
    assert process.stdout is not None
    shown = b""
    while b" 16" not in shown:  # an interim report with all of it
        publishing.process.receive()  # the shards ask for snapshots
        if select.select([process.stdout], [], [], 0.02)[0]:
            shown += os.read(process.stdout.fileno(), 1 << 16)
    assert shown.startswith(b"\nsample so far\n")
    assert publishing.process.finish(LIMIT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, err) == (0, "")
    assert "\nsample\n  total  16\n" in out
    found = json.loads(file.read_text())
    per_cpu = [{"cpu": 0, "records": 3}, {"cpu": 1, "records": 1}]
    assert found["report"] == {"total": 16, "per_cpu": per_cpu}
    assert found["complete"] is True


def test_with_a_report_descriptor_nothing_is_printed_and_ctrl_c_is_ignored(
    publishing: Publishing, started: list["subprocess.Popen[str]"]
) -> None:
    reading, writing = os.pipe()
    arguments = ["--plugin", f"{SAMPLE},top=1", "--report-fd", str(writing)]
    process = subscribe(started, publishing.url, *arguments, pass_fds=[writing])
    os.close(writing)
    with os.fdopen(reading) as reports:
        assert publishing.process.wait_subscribers(1, LIMIT)
        os.kill(process.pid, signal.SIGINT)
        publishing.emit("sample.value", 1, 5)
        assert publishing.process.finish(LIMIT)
        said, report = map(json.loads, reports)
    assert process.communicate(timeout=LIMIT) == ("", "")
    assert process.returncode == 0
    assert said == {"subscribed": True}
    assert report == {
        "report": {"total": 5, "per_cpu": [{"cpu": 1, "records": 1}]},
        "final": True,
        "failure": "",
        "received": [["sample.value", 0, 0, 0, 0], ["sample.value", 1, 1, 0, 0]],
    }


def test_an_aggregator_whose_run_is_gone_says_nothing(
    publishing: Publishing, started: list["subprocess.Popen[str]"]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = ["--plugin", SAMPLE, "--report-fd", str(writing)]
    process = subscribe(started, publishing.url, *arguments, pass_fds=[writing])
    os.close(writing)
    assert process.communicate(timeout=LIMIT) == ("", "")
    assert process.returncode == 141


def test_ctrl_c_ends_with_what_has_come(
    publishing: Publishing, started: list["subprocess.Popen[str]"]
) -> None:
    process = subscribe(started, publishing.url, "--plugin", ANNOUNCING)
    assert publishing.process.wait_subscribers(1, LIMIT)
    publishing.emit("announcing.value", 1, 5, 6)
    assert process.stdout is not None
    assert process.stdout.readline() == "value of vCPU 1\n"
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert out.split() == ["announcing", "records", "2"]
    assert err.startswith("mttcg: plugin announcing: incomplete: 2 streams did not end")


def test_a_publisher_that_dies_leaves_what_has_come(
    publishing: Publishing, started: list["subprocess.Popen[str]"]
) -> None:
    process = subscribe(started, publishing.url, "--plugin", ANNOUNCING)
    assert publishing.process.wait_subscribers(1, LIMIT)
    publishing.emit("announcing.value", 0, 5)
    assert process.stdout is not None
    assert process.stdout.readline() == "value of vCPU 0\n"
    os.kill(publishing.process.pid, signal.SIGKILL)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 70
    assert out.split() == ["announcing", "records", "1"]
    assert "publisher lost" in err
    assert err.count("\n") == 1


def test_an_aggregator_that_raises_is_status_70_with_its_traceback(
    publishing: Publishing, started: list["subprocess.Popen[str]"]
) -> None:
    process = subscribe(started, publishing.url, "--plugin", f"{ANNOUNCING},broken=yes")
    assert publishing.process.wait_subscribers(1, LIMIT)
    publishing.emit("announcing.value", 0, 5)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 70
    assert "Traceback" in err
    wrong = "mttcg: plugin announcing: its aggregator raised ValueError: told to break\n"
    assert err.endswith(wrong)


def test_nobody_at_the_address_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mttcg.cli.subscribe.CONNECT_SECONDS", 0.2)
    url = f"ipc://{tmp_path}/nobody"
    assert main(["subscribe", url, "--plugin", SAMPLE]) == 2
    assert capsys.readouterr().err == f"mttcg: bus {url}: no publisher answered within 0.2 s\n"


def test_a_refused_address_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["subscribe", "tcp://203.0.113.1:5555", "--plugin", SAMPLE]) == 2
    err = capsys.readouterr().err
    assert err.startswith("mttcg: bus tcp://203.0.113.1:5555: ")
    assert err.count("\n") == 1


def test_a_run_without_the_plugin_is_one_line(
    publishing: Publishing, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = tmp_path / "other.py"
    other.write_text(
        "import mttcg_bus\n"
        "class Aggregator(mttcg_bus.Aggregator):\n"
        "    def consume(self, stream, cpu, records): pass\n"
        "    def report(self): return {}\n"
    )
    assert main(["subscribe", publishing.url, "--plugin", str(other)]) == 2
    err = capsys.readouterr().err
    assert "no stream starts with 'other.'" in err
    assert err.count("\n") == 1


def test_what_can_not_be_met_is_refused_without_subscribing(
    publishing: Publishing, started: list["subprocess.Popen[str]"], tmp_path: Path
) -> None:
    absent = tmp_path / "no" / "x"
    for arguments, wrong in (
        (["memtrace,out=" + str(absent)], "plugin memtrace: option out: there is no folder "),
        (["memtrace,out=" + str(absent), "--shards", "2"], "plugin memtrace: option out: there is"),
        ([SAMPLE, "--json", str(absent)], "--json: there is no directory "),
    ):
        process = subscribe(started, publishing.url, "--plugin", *arguments)
        while process.poll() is None:
            select.select([publishing.process], [], [], 0.02)
            publishing.process.receive()  # it asks for a snapshot
        out, err = process.communicate(timeout=LIMIT)
        assert (process.returncode, out) == (2, "")
        assert err.startswith(f"mttcg: {wrong}")
        assert err.count("\n") == 1
    assert publishing.process.subscribers == 0
    assert publishing.process.departures.listed == []


def test_a_descriptor_that_is_not_open_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        assert main(["subscribe", "ipc:///x", "--plugin", SAMPLE, "--report-fd", "987"]) == 2
    finally:
        signal.signal(signal.SIGINT, before)
    assert "--report-fd: 987 is not open" in capsys.readouterr().err
