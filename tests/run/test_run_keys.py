"""A run whose bus other machines may reach: its own processes get in, and who is on its list."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from run_harness import Running, guest

from mttcg import Machine
from mttcg.cli import main
from mttcg_bus import Recording
from mttcg_bus.errors import KeyFileError
from mttcg_bus.subscriber.subscriber import ask_ledger
from mttcg_bus.wire.security import ClientSecurity, read_keys, read_public


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with the keys of a run, a friend and a stranger."""
    for name in ("run", "friend", "stranger"):
        assert main(["keys", str(tmp_path / name)]) == 0
        assert f"{name}.pub: give it to the other side" in capsys.readouterr().out
    return tmp_path


def test_a_runs_own_aggregator_and_recorder_have_its_keys(folder: Path) -> None:
    machine = Machine(
        guest("hello"),
        plugins=["memtrace"],
        bus="tcp://0.0.0.0:*",
        keys=folder / "run",
        record=folder / "hello.rec",
    )
    result = machine.run(console=BytesIO())
    assert (result.exit_status, result.failures) == (0, [])
    with Recording(folder / "hello.rec") as recording:
        list(recording)
        assert recording.records == result.plugins["memtrace"]["accesses"]


def test_a_friend_may_ask_and_a_stranger_may_not(
    start: Callable[..., Running], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ("--keys", str(folder / "run"), "--allow", str(folder / "friend.pub"))
    running = start(guest("spin"), "--plugin", "memtrace", "--bus", "tcp://0.0.0.0:*", *keys)
    running.read(until=b"spinning on 1 hart\n")
    url = next(word for word in running.stderr.split() if word.startswith("tcp://"))
    url = url.replace("0.0.0.0", "127.0.0.1")
    server = read_public(folder / "run.pub")
    friend = ClientSecurity(read_keys(folder / "friend"), server)
    assert ask_ledger(url, security=friend)["streams"]["memtrace.access"]["emitted"] > 0
    arguments = ["subscribe", url, "--plugin", "memtrace", "--server", str(folder / "run.pub")]
    assert main([*arguments, "--keys", str(folder / "stranger")]) == 2
    assert capsys.readouterr().err == f"mttcg: bus {url}: the keys of the two sides do not fit\n"


def test_keys_that_are_not_there_are_a_mistake(tmp_path: Path) -> None:
    machine = Machine(guest("hello"), plugins=["memtrace"], keys=tmp_path / "absent")
    with pytest.raises(KeyFileError, match="No such file") as caught:
        machine.run(console=BytesIO())
    assert caught.value.exit_status == 2
