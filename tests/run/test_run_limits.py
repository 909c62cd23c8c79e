"""Limits of the host, in every process of a run: one line that names the limit."""

import errno
import os
import re
import resource
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest, plugin

from mttcg_bus.host.limits import check_memory_room, check_socket_room, host_refusal

LIMITED = """
import resource, sys
number, limit = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(number, (limit, limit))
from mttcg.cli import main
sys.exit(main(sys.argv[3:]))
"""
EVERYTHING = ("--plugin", "memtrace", "--plugin", "hotblocks")


def limited(start: Callable[..., Running], kind: int, limit: int, *arguments: str) -> Running:
    """Start a run of hello under a limit of the kernel's."""
    words = (str(kind), str(limit), "run", guest("hello"), "--quiet", *arguments)
    return start(*words, program=("-c", LIMITED))


def said(running: Running, status: int) -> str:
    """The line that a run ends with that a limit ended."""
    assert running.wait() == status, running.stderr
    running.check_nothing_left()
    assert running.stderr.startswith("mttcg: "), running.stderr
    assert running.stderr.count("\n") == 1, running.stderr
    return running.stderr.removeprefix("mttcg: ").rstrip("\n")


@pytest.mark.parametrize(
    ("kind", "limit", "arguments", "wrong"),
    [
        (
            *(resource.RLIMIT_FSIZE, 100 << 10, ()),
            "--smp 1 with 128 MiB of memory: the host refuses 128 MiB of shared memory, ram (File "
            "too large); expected a smaller machine, or a higher limit of file size, shared memory "
            "included (ulimit -f, now 100)",
        ),
        (
            *(resource.RLIMIT_NOFILE, 24, ("--smp", "4", *EVERYTHING)),
            "--smp 4 with 128 MiB of memory: the host refuses (Too many open files); expected a "
            "smaller machine, or a higher limit of open files (ulimit -n, now 24)",
        ),
        (
            *(resource.RLIMIT_NOFILE, 50, ("--smp", "4", *EVERYTHING)),
            "the bus publisher: the host refuses 32 descriptors for connections (Too many open "
            "files); expected a higher limit of open files (ulimit -n, now 50)",
        ),
        (
            *(resource.RLIMIT_NOFILE, 200, ("--smp", "64", "--plugin", "memtrace")),
            "the bus publisher: the host refuses (Too many open files); expected a higher limit of "
            "open files (ulimit -n, now 200)",
        ),
        (
            *(resource.RLIMIT_AS, 600 << 20, ()),
            "--smp 1 with 128 MiB of memory: the host refuses 379 MiB of shared memory (Cannot "
            "allocate memory); expected a smaller machine, or a higher limit of memory (ulimit -v, "
            "now 614400)",
        ),
    ],
    ids=["file size", "open files", "for the publisher", "for its rings", "memory"],
)
def test_a_limit_that_the_start_meets_is_a_mistake(
    start: Callable[..., Running], kind: int, limit: int, arguments: tuple[str, ...], wrong: str
) -> None:
    running = limited(start, kind, limit, *arguments)
    assert said(running, 2) == wrong
    assert running.shown == b""


def scarce(start: Callable[..., Running], **options: object) -> Running:
    return start(
        *(guest("hello"), "--smp", "3", "--quiet", "--plugin", plugin("scarce", **options)),
        with_json=True,
    )


def test_no_more_processes(start: Callable[..., Running]) -> None:
    running = scarce(start, of="processes")
    limit = host_refusal(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)))
    assert "higher limit of processes and threads (ulimit -u" in limit
    assert said(running, 70) == f"the vCPU host: {limit}"
    cause, host, *vcpus = running.result["failures"]
    assert cause == f"the vCPU host: {limit}"
    assert host.startswith("the vCPU host ended unexpectedly")
    assert len(vcpus) == 3


@pytest.mark.parametrize(
    ("left", "wanted"),
    [
        (50, r"vCPU \d: the host refuses 128 MiB of shared memory "),
        (1450, r"vCPU \d near pc 0x0: the host refuses 64 MiB of executable memory "),
    ],
)
def test_no_more_memory_for_vcpus(start: Callable[..., Running], left: int, wanted: str) -> None:
    running = scarce(start, of="memory", left=left)
    line = said(running, 70)
    assert re.match(wanted + r"\(Cannot allocate memory\); expected a higher limit of memory", line)
    assert line == running.result["failures"][0]
    assert running.result["failures"][1:] == running.result["consequences"]


def test_what_libzmq_would_end_the_process_for_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = sum(1 for _ in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 3, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files") as caught:
            check_socket_room()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "the host refuses 16 descriptors for connections" in host_refusal(caught.value)
    check_socket_room()
    started = []

    def refuse(thread: threading.Thread, real=threading.Thread.start) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError) as no_thread:
        check_socket_room()
    assert not started[0].is_alive()
    assert "processes and threads (ulimit -u" in host_refusal(no_thread.value)


def test_only_limits_are_taken_for_limits() -> None:
    for error in (ValueError("x"), OSError(errno.EACCES, "no"), RuntimeError("other"), KeyError()):
        assert host_refusal(error) == ""
    assert "(MemoryError)" in host_refusal(MemoryError())
    check_memory_room(1 << 60, "that nobody has, where no limit is set")
