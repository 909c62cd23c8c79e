"""Campaigns on a Dask cluster: what workers lack, and what happens when one end goes away."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from campaign_harness import CampaignRunning, ClusterRunning, run_here, worker_runs
from run_harness import GUESTS, LIMIT, Running, eventually, guest

Start = Callable[..., CampaignRunning]
StartCluster = Callable[..., ClusterRunning]

SPIN = f"""
retries = 1
[[runs]]
guests = "{guest("spin")}"
"""


def dask_worker_of(run: psutil.Process) -> psutil.Process:
    """The process of Dask's that started a run."""
    worker = run.parent()
    assert worker is not None and "multiprocessing" in " ".join(worker.cmdline())
    return worker


def test_workers_get_the_files_that_they_lack_and_send_back_what_plugins_left(
    campaign: Start, shared_cluster: ClusterRunning, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(guest("hello"), here / "guest.elf")
    plugin = here / "probe.py"
    plugin.write_text("from beside import ACCEPTED\ndef plugin_init(_):\n    return ACCEPTED\n")
    (here / "beside.py").write_text("ACCEPTED = True\n")
    # these paths are there for the campaign's process alone
    running = campaign(
        """
        [[runs]]
        guests = "/proc/self/cwd/guest.elf"
        smp = 3  # more than the worker has
        plugins = ["memtrace,out=trace.npy", "/proc/self/cwd/probe.py"]
        """,
        *("--scheduler", shared_cluster.url),
        cwd=here,
    )
    assert running.wait() == 0, running.stderr
    rows = running.rows()
    assert [(row["outcome"], row["attempts"]) for row in rows] == [("passed", 1)] * 2
    assert [len(row["vcpus"]) for row in rows] == [3, 3]
    left = running.file.with_suffix(".results") / "files"
    with_file = {row["key"] for row in rows if row["plugins"] == ["memtrace,out=trace.npy"]}
    assert {path.parent.name for path in left.rglob("trace.npy")} == with_file
    running.check_nothing_left()


WAITS = """
import time
from pathlib import Path


def plugin_vcpu_start(_cpu):
    while not Path("{gate}").exists():
        time.sleep(0.01)
"""


def test_a_run_whose_worker_is_killed_goes_to_another(
    campaign: Start, two_workers: ClusterRunning, tmp_path: Path
) -> None:
    dask = two_workers
    gate, plugin = tmp_path / "gate", tmp_path / "waits.py"
    plugin.write_text(WAITS.format(gate=gate))
    text = f'[[runs]]\nguests = "{guest("hello")}"\nplugins = "{plugin}"'
    running = campaign(text, "--scheduler", dask.url)
    [first] = dask.runs()
    dask_worker_of(first).kill()
    gate.touch()
    eventually(lambda: not first.is_running(), LIMIT)  # it does not outlive its worker
    assert running.wait() == 0, running.stderr
    [row] = running.rows()
    assert (row["outcome"], row["attempts"]) == ("passed", 2)


def test_a_run_whose_workers_are_killed_is_tried_as_often_as_it_may(
    campaign: Start, two_workers: ClusterRunning
) -> None:
    dask = two_workers
    running = campaign(SPIN, "--scheduler", dask.url)
    for _ in range(2):
        [run] = dask.runs()
        dask_worker_of(run).kill()
        eventually(lambda run=run: not run.is_running(), LIMIT)
    assert running.wait() == 70
    [row] = running.rows()
    assert (row["outcome"], row["attempts"]) == ("lost", 2)
    assert row["failure"] == "2 workers were lost that ran it"
    eventually(lambda: not dask.left(), LIMIT)  # nor is it tried a third time


def test_a_run_waits_for_the_only_worker_to_come_back(
    campaign: Start, scheduler_alone: ClusterRunning, worker: Callable[[str], Running]
) -> None:
    dask = scheduler_alone
    running, only = campaign(SPIN, "--scheduler", dask.url), worker(dask.url)
    for _ in range(2):
        [run] = eventually(lambda only=only: worker_runs(only), LIMIT)
        only.process.kill()
        eventually(lambda run=run: not run.is_running(), LIMIT)
        only = worker(dask.url)
    assert running.wait() == 70
    [row] = running.rows()
    assert (row["outcome"], row["attempts"]) == ("lost", 2)


KILLS_ITS_WORKER = """
import os
import signal
from pathlib import Path

import psutil


def kill_once(moment):
    killed = Path("{killed}")
    if moment == "{moment}" and not killed.exists():
        killed.touch()
        for process in psutil.Process().parents():
            if "dask_worker" in " ".join(process.cmdline()):
                process.kill()
                signal.pause()


def plugin_init(_options):
    kill_once("plugin_init")
    return True


def plugin_vcpu_start(_cpu):
    kill_once("plugin_vcpu_start")


def plugin_vcpu_exit(_cpu):
    kill_once("plugin_vcpu_exit")


def plugin_exit():
    kill_once("plugin_exit")
"""


@pytest.mark.parametrize(
    "moment", ["plugin_init", "plugin_vcpu_start", "plugin_vcpu_exit", "plugin_exit"]
)
def test_a_worker_may_be_killed_at_any_step_of_a_run(
    campaign: Start,
    scheduler_alone: ClusterRunning,
    worker: Callable[[str], Running],
    tmp_path: Path,
    moment: str,
) -> None:
    killed, plugin = tmp_path / "killed", tmp_path / "kills.py"
    plugin.write_text(KILLS_ITS_WORKER.format(killed=killed, moment=moment))
    text = f'retries = 1\n[[runs]]\nguests = "{guest("hello")}"\nplugins = "{plugin}"'
    dask = scheduler_alone
    running, first = campaign(text, "--scheduler", dask.url), worker(dask.url)
    assert first.process.wait(LIMIT) == -signal.SIGKILL
    worker(dask.url)
    assert running.wait() == 0, running.stderr
    [row] = running.rows()
    assert killed.exists()
    assert (row["outcome"], row["attempts"]) == ("passed", 2)


def test_a_campaign_says_that_it_waits_for_workers_and_goes_on_with_one_that_comes(
    campaign: Start, scheduler_alone: ClusterRunning, worker: Callable[[str], Running]
) -> None:
    dask = scheduler_alone
    first = worker(dask.url)
    running = campaign(SPIN + "time-limit = 2\n", "--scheduler", dask.url)
    eventually(lambda: worker_runs(first), LIMIT)
    first.process.kill()
    eventually(lambda: "there is no worker: waiting for one for 60 s" in running.stderr, LIMIT)
    worker(dask.url)
    assert running.wait() == 70
    [row] = running.rows()
    assert (row["outcome"], row["attempts"]) == ("timed out", 2)


def test_a_campaign_without_workers_gives_up_by_its_limit_and_can_go_on(
    campaign: Start, scheduler_alone: ClusterRunning, worker: Callable[[str], Running]
) -> None:
    dask = scheduler_alone
    first = worker(dask.url)
    running = campaign(SPIN, "--scheduler", dask.url, "--worker-limit", "1")
    eventually(lambda: worker_runs(first), LIMIT)
    first.process.kill()
    assert running.wait() == 70
    lost = f"mttcg: --scheduler {dask.url}: there was no worker for 1 s (--worker-limit)"
    assert [line for line in running.stderr.splitlines() if line.startswith("mttcg")] == [
        f"{lost}; the same command goes on from here"
    ]
    assert running.rows() == []


def test_a_scheduler_without_workers_is_told_before_the_start(
    scheduler_alone: ClusterRunning, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.toml"
    file.write_text(SPIN)
    limit = ("--worker-limit", "0.2")
    assert run_here(file, "--scheduler", scheduler_alone.url, *limit) == 2
    assert "there is no worker after 0.2 s (--worker-limit)" in capsys.readouterr().err


def test_ctrl_c_stops_the_runs_on_the_workers_in_order(
    campaign: Start, shared_cluster: ClusterRunning
) -> None:
    dask = shared_cluster
    running = campaign(SPIN + "smp = [1, 2]\n", "--scheduler", dask.url)
    dask.runs()
    os.kill(running.process.pid, signal.SIGINT)
    assert running.wait() == 130, running.stderr
    assert "the same command goes on from here" in running.stderr
    assert not dask.left()  # it had waited for them
    assert running.rows() == []
    running.check_nothing_left()


def test_a_campaign_that_is_killed_leaves_nothing_on_the_workers(
    campaign: Start, shared_cluster: ClusterRunning
) -> None:
    dask = shared_cluster
    running = campaign(SPIN, "--scheduler", dask.url)
    dask.runs()
    running.process.kill()
    running.process.wait()
    eventually(lambda: not dask.left(), LIMIT)
    again = campaign(f'[[runs]]\nguests = "{guest("hello")}"', "--scheduler", dask.url)
    assert again.wait() == 0, again.stderr  # the worker is free again


def test_a_scheduler_that_goes_away_is_said_and_the_campaign_can_go_on_here(
    campaign: Start, cluster: StartCluster
) -> None:
    dask = cluster()
    text = f"""
        [[runs]]
        guests = ["{GUESTS}/hello.elf", "{GUESTS}/spin.elf"]
        time-limit = 3
    """
    running = campaign(text.replace("= 3", "= 60"), "--scheduler", dask.url)
    records = running.file.with_suffix(".results") / "runs"
    eventually(lambda: list(records.glob("*.json")), 60)
    dask.runs()
    dask.kill_all()
    assert running.wait() == 70
    assert f"mttcg: --scheduler {dask.url}: it went away" in running.stderr
    assert [row["outcome"] for row in running.rows()] == ["passed"]
    here = campaign(text.replace("= 3", "= 1"))
    assert here.wait() == 70
    assert "1 of 2 runs had ended before" in here.stderr
    assert [row["outcome"] for row in here.rows()] == ["passed", "timed out"]


def make_certificates(folder: Path) -> None:
    """An authority, a certificate of ours that it has signed, and one of a stranger."""
    folder.mkdir()
    self_signed = "req -x509 -newkey rsa:2048 -nodes -days 1 -keyout"
    for command in (
        f"{self_signed} ca.key -out ca.pem -subj /CN=authority",
        "req -newkey rsa:2048 -nodes -keyout our.key -out our.csr -subj /CN=we",
        "x509 -req -in our.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out our.pem -days 1",
        f"{self_signed} other.key -out other.pem -subj /CN=other",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_a_scheduler_with_certificates(
    campaign: Start, cluster: StartCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tls"
    make_certificates(folder)
    dask = cluster(tls=folder)
    assert dask.url.startswith("tls://")
    ca, cert, key = (f"--tls-{name}" for name in ("ca", "cert", "key"))
    text = f'[[runs]]\nguests = "{guest("hello")}"'
    ours = (ca, f"{folder}/ca.pem", cert, f"{folder}/our.pem", key, f"{folder}/our.key")
    running = campaign(text, "--scheduler", dask.url, *ours)
    # without certificates, with a stranger's, and with a stranger for the authority
    others = (ca, f"{folder}/ca.pem", cert, f"{folder}/other.pem", key, f"{folder}/other.key")
    strange = (ca, f"{folder}/other.pem", cert, f"{folder}/our.pem", key, f"{folder}/our.key")
    again = ("--again", "all", "--output", tmp_path / "refused")
    for arguments in (others, strange):
        assert run_here(running.file, *again, "--scheduler", dask.url, *arguments) == 2
        assert f"--scheduler {dask.url}: nobody to talk to (" in capsys.readouterr().err
    assert running.wait() == 0, running.stderr
    assert [row["outcome"] for row in running.rows()] == ["passed"]
