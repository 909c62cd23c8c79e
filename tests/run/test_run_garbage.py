"""A run whose bus is sent garbage: it goes on, and says so."""

import contextlib
import socket
import subprocess
from collections.abc import Callable

import zmq
from run_harness import LIMIT, Running, eventually, guest

from mttcg_bus import ask_ledger
from mttcg_bus.wire.security import Credentials

GARBAGE = {"messages": 3, "packets": 0, "connections": 1, "orders": 0, "excess": 0}


def test_garbage_is_in_the_result_and_costs_nothing(start: Callable[..., Running]) -> None:
    running = start(
        *(guest("echo"), "--plugin", "memtrace", "--bus", "tcp://127.0.0.1:*"),
        stdin=subprocess.PIPE,
        with_json=True,
    )
    running.read(until=b"echo until q\n")
    url = next(word for word in running.stderr.split() if word.startswith("tcp://"))
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.set(zmq.LINGER, 0)
        Credentials(url, None).secure(stranger)
        stranger.connect(url)
        for frames in ([b"x"], [b"", b"\xc1", b""], [b"", b"\x82\xa1v\x02\xa4type\xa3ask", b""]):
            stranger.send_multipart(frames)
            assert stranger.poll(int(LIMIT * 1000))
            assert b"refused" in stranger.recv_multipart()[1]
    host, port = url.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), LIMIT) as raw:
        raw.sendall(b"\xff no greeting of ZMTP" + bytes(100))
        with contextlib.suppress(OSError):  # the other side may have closed it already
            raw.shutdown(socket.SHUT_WR)
        raw.settimeout(LIMIT)
        with contextlib.suppress(ConnectionResetError):
            while raw.recv(1000):
                pass
    eventually(lambda: ask_ledger(url)["garbage"] == GARBAGE)
    stdin = running.process.stdin
    assert stdin is not None
    with stdin:
        stdin.write(b"aq")
    assert running.wait() == 0, running.stderr
    assert running.result["garbage"] == GARBAGE
    (warning,) = running.result["warnings"]
    assert warning == "the bus was sent garbage, which it dropped: 3 messages, 1 connections"
    assert f"mttcg: warning: {warning}" in running.stderr
    assert running.result["failures"] == []
    running.check_nothing_left()
