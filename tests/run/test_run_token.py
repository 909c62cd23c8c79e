"""A run on a TCP port: processes of its user find its token, others are refused in one line."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest

from mttcg.cli import main
from mttcg_bus.wire import tokens

VERBS = (
    ("subscribe", "--plugin", "memtrace"),
    ("record", "file"),
    ("top", "--once"),
    ("ctl", "status"),
)


def test_others_need_the_file_that_the_run_names(
    start: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    running = start(guest("spin"), "--plugin", "memtrace", "--bus", "tcp://127.0.0.1:*")
    running.read(until=b"spinning on 1 hart\n")
    announced = [line for line in running.stderr.splitlines() if line.startswith("mttcg: ")]
    url = announced[0].removeprefix("mttcg: bus at ")
    file = Path(announced[1].removeprefix("mttcg: its token is in "))
    shown = ["top", url, "--once", "--interval", "0.1"]
    assert main(shown) == 0
    assert "memtrace.access" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tokens, "token_folders", lambda: (tmp_path,))  # as for another user
    for verb, *arguments in VERBS:
        assert main([verb, url, *arguments]) == 2
        complaint = capsys.readouterr().err
        wrong = "it refused a connection without keys or a token, and there is no "
        assert complaint.startswith(f"mttcg: bus {url}: {wrong}{tmp_path}/")
        assert complaint.count("\n") == 1
    assert main([*shown, "--token", str(file)]) == 0
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert not file.exists()
    running.check_nothing_left()
