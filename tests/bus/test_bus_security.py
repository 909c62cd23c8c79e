"""Keys: who gets in, who does not, and what a key file has to be."""

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bus_harness import LIMIT_SECONDS, TestBus, check_whole, collect

from mttcg_bus.errors import AddressRefused, BusError, KeyFileError, KeyRefused
from mttcg_bus.subscriber.subscriber import Subscriber, ask_ledger
from mttcg_bus.wire.address import check_address
from mttcg_bus.wire.security import (
    ClientSecurity,
    ServerSecurity,
    is_key,
    make_keys,
    read_keys,
    read_public,
)

MakeBus = Callable[..., TestBus]
ANYWHERE = "tcp://0.0.0.0:*"


@pytest.fixture
def people(tmp_path: Path) -> dict[str, Path]:
    """Key files by name."""
    names = ("server", "friend", "stranger")
    for name in names:
        make_keys(tmp_path / name)
    return {name: tmp_path / name for name in names}


def client(people: dict[str, Path], name: str, server: str = "server") -> ClientSecurity:
    return ClientSecurity(read_keys(people[name]), read_public(people[server]))


def start(bus: TestBus, people: dict[str, Path]) -> str:
    """Start a bus that others may reach; its address as seen from here."""
    allowed = (read_public(people["friend"]),)
    url = bus.start(ANYWHERE, security=ServerSecurity(people["server"], allowed)).url
    return url.replace("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize("name", ["friend", "server"])
def test_who_is_allowed_gets_every_record(
    make_bus: MakeBus, people: dict[str, Path], name: str
) -> None:
    bus = make_bus(1, capacity=1024)
    url = start(bus, people)
    security = client(people, name)
    with Subscriber(url, ("",), name, security=security) as subscriber:
        received = bus.spawn(collect, subscriber)
        assert ask_ledger(url, LIMIT_SECONDS, security)["subscribers"][0]["name"] == name
        bus.produce(0, 10_000)
        assert bus.handle is not None
        assert bus.handle.finish(LIMIT_SECONDS)
        check_whole(received.result(LIMIT_SECONDS), 0, 10_000)


def test_who_is_not_allowed_is_refused(make_bus: MakeBus, people: dict[str, Path]) -> None:
    url = start(make_bus(1), people)
    with pytest.raises(KeyRefused, match="the keys of the two sides do not fit") as caught:
        Subscriber(url, ("",), "stranger", security=client(people, "stranger"))
    assert caught.value.exit_status == 2


def test_who_expects_another_publisher_is_refused(
    make_bus: MakeBus, people: dict[str, Path]
) -> None:
    url = start(make_bus(1), people)
    with pytest.raises(KeyRefused):
        Subscriber(url, ("",), "friend", security=client(people, "friend", "stranger"))


def test_who_has_no_keys_is_refused(make_bus: MakeBus, people: dict[str, Path]) -> None:
    url = start(make_bus(1), people)
    with pytest.raises(KeyRefused, match="refused a connection without keys"):
        Subscriber(url, ("",), "bare")


def test_keys_where_the_publisher_has_none_are_refused(
    make_bus: MakeBus, people: dict[str, Path]
) -> None:
    url = make_bus(1).start("tcp://127.0.0.1:*").url
    with pytest.raises(KeyRefused):
        Subscriber(url, ("",), "friend", security=client(people, "friend"))


def test_addresses_beyond_this_machine_need_keys(make_bus: MakeBus) -> None:
    with pytest.raises(AddressRefused, match="expected a loopback address, or keys"):
        make_bus(1).start(ANYWHERE)
    assert check_address("tcp://192.0.2.1:5555", secured=True) == "tcp://192.0.2.1:5555"


def test_a_publisher_without_its_key_file_says_so(
    make_bus: MakeBus, people: dict[str, Path], tmp_path: Path
) -> None:
    security = ServerSecurity(tmp_path / "absent", ())
    with pytest.raises(BusError, match="No such file"):
        make_bus(1).start(ANYWHERE, security=security)


# key files


def test_a_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    beside = make_keys(tmp_path / "mine")
    assert beside == tmp_path / "mine.pub"
    keys = read_keys(tmp_path / "mine")
    assert is_key(keys.public)
    assert is_key(keys.secret)
    assert read_public(beside) == read_public(tmp_path / "mine") == keys.public
    assert keys.secret not in beside.read_text()
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o600
    (tmp_path / "mine").chmod(0o640)
    with pytest.raises(KeyFileError, match="others may read it; expected mode 0600"):
        read_keys(tmp_path / "mine")


def test_keys_are_never_replaced(tmp_path: Path) -> None:
    make_keys(tmp_path / "mine")
    before = (tmp_path / "mine").read_text()
    with pytest.raises(KeyFileError, match="File exists"):
        make_keys(tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == before


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "not a pair of keys"),
        (b"public short\n", "malformed"),
        (b"public " + b"~" * 40, "malformed"),
        (b"secret " + b"0" * 40, "not a pair of keys"),
        (b"\xff\x00" * 3000, "not a pair of keys"),
    ],
)
def test_other_files_are_no_keys(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "mine"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=wrong) as caught:
        read_keys(path)
    assert caught.value.exit_status == 2


def test_a_public_file_is_no_pair(tmp_path: Path) -> None:
    beside = make_keys(tmp_path / "mine")
    beside.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a pair of keys"):
        read_keys(beside)
    with pytest.raises(KeyFileError, match="No such file"):
        read_public(tmp_path / "absent")
    assert replace(read_keys(tmp_path / "mine")).public == read_public(beside)
