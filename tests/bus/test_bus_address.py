"""Which addresses the bus takes, and what it leaves in the file system."""

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from bus_harness import TestBus

from mttcg_bus.errors import AddressInUse, AddressRefused, NoPublisher
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire.address import check_address, private_address, remove_socket


@pytest.mark.parametrize(
    ("url", "bound"),
    [
        ("ipc:///run/bus", "ipc:///run/bus"),
        ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
        ("tcp://127.9.9.9:*", "tcp://127.9.9.9:*"),
        ("tcp://localhost:1", "tcp://127.0.0.1:1"),
        ("tcp://[::1]:0", "tcp://[::1]:0"),
    ],
)
def test_addresses_of_this_machine_are_taken(url: str, bound: str) -> None:
    assert check_address(url) == bound


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("tcp://0.0.0.0:5555", "beyond this machine"),
        ("tcp://*:5555", "beyond this machine"),
        ("tcp://192.0.2.1:5555", "beyond this machine"),
        ("tcp://[::]:5555", "beyond this machine"),
        ("tcp://example.org:5555", "beyond this machine"),
        ("tcp://127.0.0.1:65536", "at most 65535"),
        ("tcp://127.0.0.1", "expected ipc:///path or tcp://"),
        ("inproc://bus", "expected ipc:///path or tcp://"),
        ("", "expected ipc:///path or tcp://"),
        ("ipc://relative", "absolute path"),
        ("ipc://" + "/long" * 30, "at most 107 bytes"),
    ],
)
def test_other_addresses_are_refused(url: str, wrong: str) -> None:
    with pytest.raises(AddressRefused, match=wrong):
        check_address(url)


def test_a_private_address_is_for_this_user_alone() -> None:
    url, directory = private_address()
    assert url == f"ipc://{directory}/bus"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    remove_socket(url, directory)
    assert not directory.exists()


def test_the_publisher_refuses_what_reaches_beyond(make_bus: Callable[..., TestBus]) -> None:
    with pytest.raises(AddressRefused, match="beyond this machine"):
        make_bus().start("tcp://0.0.0.0:*")


def test_a_missing_directory_is_refused(make_bus: Callable[..., TestBus], tmp_path: Path) -> None:
    with pytest.raises(AddressRefused, match="can't bind"):
        make_bus().start(f"ipc://{tmp_path}/absent/bus")


def test_a_socket_file_that_exists_is_in_use(
    make_bus: Callable[..., TestBus], tmp_path: Path
) -> None:
    path = tmp_path / "bus"
    path.touch()
    with pytest.raises(AddressInUse, match="socket file exists"):
        make_bus().start(f"ipc://{path}")
    assert path.exists()


def test_a_bound_port_is_in_use(make_bus: Callable[..., TestBus]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(AddressInUse, match="somebody else") as caught:
            make_bus().start(url)
    assert caught.value.url == url
    assert caught.value.exit_status == 2


def test_a_chosen_port_is_reported(make_bus: Callable[..., TestBus]) -> None:
    bus = make_bus()
    handle = bus.start("tcp://127.0.0.1:*")
    assert int(handle.url.removeprefix("tcp://127.0.0.1:")) > 0
    with bus.subscribe() as subscriber:
        assert subscriber.run == bus.run


def test_the_socket_file_is_for_this_user_and_goes_away(
    make_bus: Callable[..., TestBus], tmp_path: Path
) -> None:
    path = tmp_path / "bus"
    bus = make_bus()
    handle = bus.start(f"ipc://{path}")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert handle.finish(5)
    assert list(tmp_path.iterdir()) == []


def test_nobody_at_the_address_is_an_error_after_the_limit(tmp_path: Path) -> None:
    with pytest.raises(NoPublisher, match="within"):
        Subscriber(f"ipc://{tmp_path}/nobody", ("",), "test", connect_seconds=0.2)
