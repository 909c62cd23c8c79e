"""The text of system calls: names, arguments, results; and records of vCPUs put together."""

import re
from pathlib import Path

import numpy as np
import pytest

from mttcg.instrument import GuestProcess
from mttcg_plugins._linux.arguments import KINDS, LATER, SeenCall, argument_texts
from mttcg_plugins._linux.calls import ENTER, RETURN, ROOM, CallEvents, records_of, sums_of
from mttcg_plugins._linux.quoting import quoted
from mttcg_plugins._linux.results import is_error, result_text
from mttcg_plugins._linux.system_calls import SYSTEM_CALLS, system_call

HEADER = Path("/usr/include/asm-generic/unistd.h")
BASE, PAGE, WORD = 0x1000, 0x1000, 1 << 64
LAST_OLD, FIRST_NEW = 294, 424
NOT_THERE = {"lookup_dcookie", "nfsservctl", "arch_specific_syscall", "syscalls"}


def shown(name: str, *arguments: int, result: int | None = None, memory: bytes = b"") -> str:
    """The arguments of a call, whose memory is at BASE."""
    kinds = next(row.kinds for row in SYSTEM_CALLS.values() if row.name == name)

    def read(address: int, size: int) -> bytes | None:
        page = memory.ljust(PAGE, b"\0")
        found = page[address - BASE :][:size] if address >= BASE else b""
        return found if len(found) == size else None

    words = [argument % WORD for argument in arguments]
    call = SeenCall([*words, *[0] * (6 - len(words))], result, read, 32)
    return ", ".join(argument_texts(kinds, call))


@pytest.mark.skipif(not HEADER.exists(), reason="the kernel's headers are not installed")
def test_names_and_numbers_are_those_of_the_kernel() -> None:
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)\n"
    rows = {int(number): name for name, number in re.findall(pattern, HEADER.read_text())}
    # newfstatat is called otherwise there, and those from 403 on are for 32 bits
    found = {number: row.name.removeprefix("new") for number, row in SYSTEM_CALLS.items()}
    for number, name in rows.items():
        if name not in NOT_THERE and (number <= LAST_OLD or number >= FIRST_NEW):
            assert found[number] == name


def test_all_kinds_of_arguments_are_known() -> None:
    assert {kind for row in SYSTEM_CALLS.values() for kind in row.kinds} <= set(KINDS)
    assert all(len(row.kinds) <= 6 for row in SYSTEM_CALLS.values())
    assert system_call(9999).name == "syscall_0x270f"


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("close", (3,), "3"),
        ("mmap", (0, 8192, 3, 0x22, -1, 0), "NULL, 8192, PROT_READ|PROT_WRITE, "
         "MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"),
        ("mprotect", (0x1000, 4096, 0), "0x1000, 4096, PROT_NONE"),
        ("kill", (-1, 15), "-1, SIGTERM"),
        ("kill", (7, 34), "7, SIGRT_2"),
        ("kill", (7, 0), "7, 0"),
        ("clone", (0x1200011, 0, 0, 0, 0x2000), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, "
         "NULL, NULL, NULL, 0x2000"),
        ("clone", (0x3D0F00,), "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|"
         "CLONE_SYSVSEM|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, "
         "NULL, NULL, NULL, NULL"),
        ("unlinkat", (-100, 0, 0x200), "AT_FDCWD, NULL, AT_REMOVEDIR"),
        ("lseek", (3, -5, 2), "3, -5, SEEK_END"),
        ("futex", (0x2000, 129, 1), "0x2000, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0"),
        ("fcntl", (3, 2, 1), "3, F_SETFD, FD_CLOEXEC"),
        ("fcntl", (3, 3, 99), "3, F_GETFL"),
        ("fcntl", (3, 4, 0o4000), "3, F_SETFL, O_RDONLY|O_NONBLOCK"),
        ("socket", (2, 0x80001, 0), "AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0"),
        ("dup3", (3, 1, 0), "3, 1, 0"),
        ("faccessat", (-100, 0, 0), "AT_FDCWD, NULL, F_OK"),
        ("faccessat", (5, 0, 6), "5, NULL, R_OK|W_OK"),
        ("rt_sigprocmask", (2, 0, 0, 8), "SIG_SETMASK, NULL, NULL, 8"),
        ("madvise", (0x1000, 1, 4), "0x1000, 1, MADV_DONTNEED"),
        ("mremap", (0x1000, 1, 2, 1, 0), "0x1000, 1, 2, MREMAP_MAYMOVE, NULL"),
        ("setuid", (-1,), "-1"),
    ],
)  # fmt: skip
def test_numbers_have_names(name: str, arguments: tuple[int, ...], text: str) -> None:
    assert shown(name, *arguments) == text


def test_texts_are_read() -> None:
    memory = b'/etc/"a"\n\0' + bytes(6) + b"\x00\x10" + bytes(14)
    assert shown("openat", -100, BASE, 0o2000000, memory=memory) == (
        'AT_FDCWD, "/etc/\\"a\\"\\n", O_RDONLY|O_CLOEXEC'
    )
    assert shown("openat", -100, BASE, 0o1101, 0o644, memory=memory) == (
        'AT_FDCWD, "/etc/\\"a\\"\\n", O_WRONLY|O_CREAT|O_TRUNC, 0644'
    )
    assert shown("execve", BASE, BASE + 16, BASE + 24, memory=memory) == (
        '"/etc/\\"a\\"\\n", ["/etc/\\"a\\"\\n"], 0x1018 /* 0 vars */'
    )


def test_what_is_not_there_yet_is_asked_for_again() -> None:
    assert shown("chdir", 0x9000) == LATER
    assert shown("chdir", 0x9000, result=-2) == "0x9000"
    assert shown("chdir", 0, result=-14) == "NULL"


def test_what_the_kernel_fills_is_known_in_the_end() -> None:
    memory = b"some text that is longer than what is shown of it"
    assert shown("read", 3, BASE, 4096) == "3, , 4096"
    assert shown("read", 3, BASE, 4096, result=4, memory=memory) == '3, "some", 4096'
    assert shown("read", 3, BASE, 4096, result=len(memory), memory=memory) == (
        '3, "some text that is longer than wh"..., 4096'
    )
    assert shown("read", 3, BASE, 4096, result=-11, memory=memory) == "3, 0x1000, 4096"
    assert shown("getrandom", BASE, 2, 1, result=2, memory=memory) == (
        '"\\x73\\x6f", 2, GRND_NONBLOCK'
    )
    pair = bytes([3, 0, 0, 0, 4, 0, 0, 0])
    assert shown("pipe2", BASE, 0, result=0, memory=pair) == "[3, 4], 0"


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"\0", '"\\0"'), (b"\x001", '"\\0001"'), (b"\x1b[", '"\\33["'), (b"\xff", '"\\377"')],
)
def test_bytes_are_quoted_as_strace_does(content: bytes, text: str) -> None:
    assert quoted(content) == text


@pytest.mark.parametrize(
    ("name", "result", "text"),
    [
        ("close", 0, "0"),
        ("openat", -2, "-1 ENOENT (No such file or directory)"),
        ("read", -11, "-1 EAGAIN (Resource temporarily unavailable)"),
        ("mmap", 0x3FF000, "0x3ff000"),
        ("mmap", -12, "-1 ENOMEM (Cannot allocate memory)"),
        ("umask", 0o22, "022"),
        ("wait4", -512, "? ERESTARTSYS"),
        ("exit_group", None, "?"),
    ],
)
def test_results(name: str, result: int | None, text: str) -> None:
    assert result_text(name, result) == text
    assert is_error(result or 0) == text.startswith("-1 ")  # one begun again has not failed


def process(pid: int, comm: str) -> GuestProcess:
    return GuestProcess(pid, pid, comm, 1, 1, "R", 0, 0)


def test_calls_are_put_together_over_vcpus_and_records() -> None:
    events, long = CallEvents(), "x" * (2 * ROOM)
    one, other = process(7, "one"), process(8, "other")
    call = 56, (0,) * 6, 0
    first = records_of(one, 0, 10, ENTER, call, [long, ""])
    assert len(first) == 3
    events.add(0, first[:2])
    events.add(1, records_of(one, 1, 30, RETURN, (56, (0,) * 6, -2), ["other", "late"]))
    events.add(1, records_of(other, 1, 20, ENTER, (93, (0,) * 6, 0), ["0"]))
    events.add(0, first[2:])
    # a child's return from a clone that it did not begin, and a process of the same number
    events.add(0, records_of(process(9, "child"), 0, 25, RETURN, (220, (0,) * 6, 0), []))
    events.add(0, records_of(process(7, "again"), 0, 40, ENTER, call, ["", ""]))
    found = events.calls()
    assert [(each.comm, each.ended, each.result) for each in found] == [
        ("one", 30, -2),
        ("other", None, None),
        ("again", None, None),
    ]
    assert found[0].texts == [long, "late"]
    sums = sums_of(found, is_error)
    assert sums[7, "one", 56] == type(sums[7, "one", 56])(1, 1, 0, 20, 20)
    assert sums[8, "other", 93].unfinished == 1


def test_a_name_of_sixteen_bytes_fits() -> None:
    found = records_of(process(1, "é" * 20), 0, 1, ENTER, (1, (WORD - 1,) * 6, 0), [])
    events = CallEvents()
    events.add(0, np.array(found))
    assert events.events[0].comm.startswith("éé")
