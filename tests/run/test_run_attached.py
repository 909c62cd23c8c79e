"""Folders, networks and consoles in whole runs: what is refused, and what is left of them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import SOON, Running, eventually, guest

EXIT_USER = 2
SPINNING = b"spinning on 1 hart\n"


@pytest.mark.parametrize(
    ("option", "value", "wrong"),
    [
        ("--share", "{0}/absent", "{0}/absent: No such file or directory"),
        ("--share", "{0}/file", "{0}/file: Not a directory"),
        ("--share", "{0},read", "'read' can't be there"),
        ("--share", ",write", "names no folder"),
        ("--net", "user", "'user' can't be"),
        ("--net", "connect={0}/absent", "{0}/absent: No such file or directory"),
        ("--net", "connect={0}/file", "{0}/file: Connection refused"),
        ("--net", "listen={0}/file", "{0}/file: Address already in use"),
        ("--net", "listen={0}/no/socket", "No such file or directory"),
        ("--net", "passt,mac=03:00:00:00:00:00", "'mac=03:00:00:00:00:00' can't be there"),
        ("--console", "screen", "'screen' is not known"),
    ],
)
def test_what_can_not_be_attached_is_one_line(
    option: str, value: str, wrong: str, start: Callable[..., Running], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    running = start(guest("hello"), option, value.format(tmp_path))
    assert running.wait() == EXIT_USER
    (line,) = running.stderr.splitlines()
    assert line.startswith(f"mttcg: {option}: ")
    assert wrong.format(tmp_path) in line


def test_two_folders_with_one_tag_are_one_line(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    running = start(guest("hello"), "--share", str(tmp_path), "--share", str(tmp_path))
    assert running.wait() == EXIT_USER
    (line,) = running.stderr.splitlines()
    assert line.startswith("mttcg: --share: 2 have the tag 'share'")


def test_without_the_program_passt_there_is_one_line(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    running = start(guest("hello"), "--net", "passt", environment={"PATH": str(tmp_path)})
    assert running.wait() == EXIT_USER
    (line,) = running.stderr.splitlines()
    assert line.startswith("mttcg: --net: there is no program passt on PATH")


def test_the_program_passt_gets_one_end_of_the_cable_and_ends_with_the_run(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    program = tmp_path / "passt"
    program.write_text(
        f"#!{sys.executable}\n"
        "import socket, sys\n"
        "assert sys.argv[1:-1] == ['--foreground', '--quiet', '--fd'], sys.argv\n"
        "end = socket.socket(fileno=int(sys.argv[-1]))\n"
        f"open({str(tmp_path / 'began')!r}, 'w').close()\n"
        "assert end.recv(1) == b''\n"
    )
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    running = start(guest("hello"), "--net", "passt", environment=environment)
    assert running.wait() == 0, running.stderr
    running.check_nothing_left()


def test_a_socket_is_made_takes_one_who_comes_and_is_removed(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    path = tmp_path / "cable"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(os.fspath(path))
    running = start(guest("spin"), "--net", f"listen={path}", with_json=True)
    running.read(until=SPINNING)
    other = start(guest("spin"), "--net", f"listen={path}")
    assert other.wait() == EXIT_USER, "somebody listens there"
    third = start(guest("hello"), "--net", f"connect={path}", with_json=True)
    assert third.wait() == 0, third.stderr
    assert path.is_socket()
    running.process.send_signal(signal.SIGINT)
    running.wait()
    assert not path.exists()
    sources = [row["source"] for each in (running, third) for row in each.result["devices"]]
    assert sources == [f"listen={path}"] * 2 + [f"connect={path}"] * 2


def test_devices_take_slots_in_order_and_are_counted(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    options = ("--share", str(tmp_path), "--console", "virtio", "--rng")
    options += ("--net", f"listen={tmp_path}/cable", "--share", f"{tmp_path},write,tag=b")
    running = start(guest("hello"), *options, with_json=True)
    assert running.wait() == 0, running.stderr
    rows = [(row["device"], row["kind"], row["queue"]) for row in running.result["devices"]]
    assert rows == [
        ("virtio0", "entropy", 0),
        ("virtio1", "console", 0),
        ("virtio1", "console", 1),
        ("virtio2", "share", 0),
        ("virtio3", "share", 0),
        ("virtio4", "network", 0),
        ("virtio4", "network", 1),
    ]
    assert all(row["requests"] == row["dropped"] == 0 for row in running.result["devices"])
    running.check_nothing_left()


def test_harts_that_wait_for_nothing_are_no_run_beside_a_network_without_driver(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    options = ("--net", f"listen={tmp_path}/cable", "--console", "virtio")
    running = start(guest("wait"), *options, "--smp", "2", stdin=subprocess.PIPE)
    assert running.wait(SOON * 2) == 71
    assert running.process.stdin is not None
    running.process.stdin.close()


def test_with_a_virtio_console_the_serial_port_has_no_input(
    start: Callable[..., Running],
) -> None:
    running = start(guest("echo"), "--console", "virtio", stdin=subprocess.PIPE)
    running.read(until=b"echo until q\n")
    assert running.process.stdin is not None
    running.process.stdin.write(b"q")
    running.process.stdin.close()
    (vcpu,) = eventually(lambda: running.members("vcpu"))
    assert vcpu.is_running()
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert b"Q" not in running.shown.split(b"until q\n")[1]
