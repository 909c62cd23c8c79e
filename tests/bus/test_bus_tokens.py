"""Tokens: a bus on a TCP port without keys is for processes of one user."""

import os
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from bus_harness import LIMIT_SECONDS, TestBus, check_whole, collect

from mttcg_bus.errors import AddressRefused, BusError, KeyRefused, TokenError
from mttcg_bus.subscriber.controller import Control
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger
from mttcg_bus.wire import tokens, wire
from mttcg_bus.wire.security import ClientToken, ServerSecurity, make_keys
from mttcg_bus.wire.tokens import LeftToken, find_token, make_token, read_token, token_file

MakeBus = Callable[..., TestBus]
ANY_PORT = "tcp://127.0.0.1:*"
LIMIT_MS = int(LIMIT_SECONDS * 1000)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where tokens are from now on, for this process alone: as for another user."""
    folder = tmp_path / "elsewhere"
    monkeypatch.setattr(tokens, "token_folders", lambda: (folder,))
    return folder


def free_address() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{found.getsockname()[1]}"


def test_a_process_of_the_user_finds_it(make_bus: MakeBus) -> None:
    bus = make_bus(1)
    handle = bus.start(ANY_PORT)
    file = token_file(handle.url)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.stat().st_uid == os.geteuid()
    assert find_token(handle.url) == read_token(file) == file.read_text().strip()
    received = bus.spawn(collect, bus.subscribe())
    assert ask_ledger(handle.url)["subscribers"][0]["name"] == "test"
    assert ask_ledger(handle.url.replace("127.0.0.1", "localhost"))["subscribers"]
    bus.produce(0, 1000)
    assert handle.finish(LIMIT_SECONDS)
    check_whole(received.result(LIMIT_SECONDS), 0, 1000)
    assert not file.exists()


def test_a_process_of_another_user_is_refused(make_bus: MakeBus, elsewhere: Path) -> None:
    url = make_bus(1).start(ANY_PORT).url
    file = elsewhere / url.removeprefix("tcp://").replace(":", "-")
    wrong = f"it refused a connection without keys or a token, and there is no {file}: the bus"

    def control() -> None:
        with Control(url) as connected:
            connected.command("status")

    refused: list[Callable[[], object]] = [
        lambda: Subscriber(url, ("",), "other"),
        lambda: ask_ledger(url),
        control,
    ]
    for attempt in refused:
        with pytest.raises(KeyRefused) as caught:
            attempt()
        assert str(caught.value).startswith(f"bus {url}: {wrong}")
        assert "\n" not in str(caught.value)
        assert caught.value.exit_status == 2


def test_another_token_is_refused(make_bus: MakeBus) -> None:
    url = make_bus(1).start(ANY_PORT).url
    with pytest.raises(KeyRefused, match="it refused the token in mine: that is of another"):
        Subscriber(url, ("",), "other", security=ClientToken(make_token(), "mine"))


def test_who_is_not_let_in_says_nothing(make_bus: MakeBus) -> None:
    """Neither hello nor anything else gets through without the token."""
    url = make_bus(1).start(ANY_PORT).url
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.set(zmq.LINGER, 0)
        stranger.connect(url)
        stranger.send_multipart([*wire.encode("", wire.Hello("s", ("",), 1 << 20)), b""])
        while ask_ledger(url)["garbage"]["connections"] == 0:
            pass
        found = ask_ledger(url)
        assert (found["subscribers"], found["garbage"]["messages"]) == ([], 0)
        assert not stranger.poll(0)


def test_a_file_with_it_may_be_named(
    make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = make_bus(1).start(ANY_PORT).url
    copy = tmp_path / "token"
    copy.write_bytes(token_file(url).read_bytes())
    copy.chmod(0o600)
    monkeypatch.setattr(tokens, "token_folders", lambda: (tmp_path / "elsewhere",))
    assert ask_ledger(url, LIMIT_SECONDS, ClientToken.read(copy))["subscribers"] == []


def test_a_token_protects_nothing_beyond_this_machine() -> None:
    token = ClientToken(make_token(), "mine")
    with pytest.raises(AddressRefused, match="expected a loopback address, or keys"):
        ask_ledger("tcp://192.0.2.1:5555", 1.0, token)


def test_with_keys_there_is_no_token(make_bus: MakeBus, tmp_path: Path) -> None:
    make_keys(tmp_path / "keys")
    handle = make_bus(1).start(ANY_PORT, security=ServerSecurity(tmp_path / "keys", ()))
    assert find_token(handle.url) is None
    with pytest.raises(KeyRefused, match="without keys"):
        ask_ledger(handle.url)


@pytest.mark.parametrize("stale", [False, True])
def test_who_comes_first_shows_the_token_of_who_comes_then(make_bus: MakeBus, stale: bool) -> None:
    bus, url = make_bus(1), free_address()
    if stale:
        LeftToken(url, make_token())
    subscriber = bus.spawn(lambda: Subscriber(url, ("",), "first", connect_seconds=LIMIT_SECONDS))
    ledger = bus.spawn(ask_ledger, url, LIMIT_SECONDS)
    handle = bus.start(url)
    assert handle.wait_subscribers(1, LIMIT_SECONDS)
    assert "test.event" in ledger.result(LIMIT_SECONDS)["streams"]
    received = bus.spawn(collect, subscriber.result(LIMIT_SECONDS))
    bus.produce(0, 1000)
    assert handle.finish(LIMIT_SECONDS)
    check_whole(received.result(LIMIT_SECONDS), 0, 1000)
    subscriber.result().close()


def test_a_killed_publisher_leaves_no_token(make_bus: MakeBus) -> None:
    handle = make_bus(1).start(ANY_PORT)
    file = token_file(handle.url)
    os.kill(handle.pid, signal.SIGKILL)
    while handle.alive:
        handle.receive()
    assert not file.exists()


# files


def test_what_killed_processes_left_is_swept_up(elsewhere: Path) -> None:
    url = "tcp://127.0.0.1:1"
    kept = LeftToken(url, make_token())
    for name in ("127.0.0.1-1", "127.0.0.1-2"):
        (elsewhere / name).touch()
        os.utime(elsewhere / name, (time.time() - 2 * tokens.FRESH_SECONDS,) * 2)
    (elsewhere / "127.0.0.1-3").touch()  # which may be about to be locked
    other = LeftToken("tcp://127.0.0.1:4", make_token())
    assert sorted(file.name[-1] for file in elsewhere.iterdir()) == ["1", "3", "4"]
    kept.remove()
    other.remove()
    assert [file.name for file in elsewhere.iterdir()] == ["127.0.0.1-3"]


def test_a_folder_of_others_is_not_used(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, token = "tcp://127.0.0.1:1", make_token()
    LeftToken(url, token)
    assert find_token(url) == token
    elsewhere.chmod(0o755)
    assert find_token(url) is None
    with pytest.raises(TokenError, match="others may use it; expected a folder of mode 0700"):
        LeftToken(url, token)
    elsewhere.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert find_token(url) is None
    with pytest.raises(TokenError, match="it is another user's; expected a folder of mode 0700"):
        LeftToken(url, token)
    elsewhere.rename(elsewhere.with_name("moved"))
    elsewhere.symlink_to(elsewhere.with_name("moved"))
    with pytest.raises(TokenError, match="it is no folder"):
        LeftToken(url, token)


def test_another_runs_token_is_not_removed(elsewhere: Path) -> None:
    url, token = "tcp://127.0.0.1:1", make_token()
    LeftToken(url, token)
    tokens.remove_token(url, make_token())
    assert find_token(url) == token


@pytest.mark.parametrize(
    ("content", "mode", "wrong"),
    [
        (b"a" * 43, 0o644, "others may read it; expected mode 0600"),
        (b"", 0o600, "not a token"),
        (b"two words, and more of these", 0o600, "not a token"),
        (b"\xff" * 43, 0o600, "not a token"),
        (b"x" * 10_000, 0o600, "not a token"),
    ],
)
def test_other_files_are_no_token(tmp_path: Path, content: bytes, mode: int, wrong: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(BusError, match=wrong) as caught:
        ClientToken.read(file)
    assert caught.value.exit_status == 2
    with pytest.raises(TokenError, match="No such file"):
        read_token(tmp_path / "absent")
