"""Programs of Linux, run as if they were this machine's: `mttcg exec`."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from built_program import DYNAMIC, SYSROOT, build_program, needs_sysroot
from debian_guest import LIMIT, needs_debian

pytest.importorskip("ziglang", reason="programs are built with it: pip install '.[test]'")
pytestmark = [needs_debian, pytest.mark.timeout(1200)]


def command_of(*words: str, options: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-m", "mttcg", "exec", *options, "--", "./acts", *words]


class ExecFolder:
    """A folder with the program."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(
        self, *words: str, options: Sequence[str] = (), given: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            command_of(*words, options=options),
            cwd=self.path,
            input=given,
            capture_output=True,
            timeout=LIMIT,
        )

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        command = command_of(*words)
        return subprocess.Popen(command, cwd=self.path, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_program("acts", tmp_path_factory.mktemp("built") / "acts")


@pytest.fixture
def folder(tmp_path: Path, program: Path) -> Iterator[ExecFolder]:
    os.link(program, tmp_path / "acts")
    yield ExecFolder(tmp_path)


def test_a_program_has_arguments_environment_folder_and_status(folder: ExecFolder) -> None:
    words = ["tell", "with  spaces", "", "é ü", "-x", "--", "'\"$HOME"]
    done = folder.run(*words, options=["--env", "ASKED=for it", "--env", "EMPTY="])
    assert done.stderr == b"errors are apart\n"
    lines = done.stdout.decode().splitlines()
    assert lines[: len(words) + 1] == ["[./acts]", *(f"[{word}]" for word in words)]
    assert lines[len(words) + 1] == f"in {folder.path}"
    assert {"ASKED=for it", "EMPTY=", "HOME=/root"} <= set(lines[len(words) + 2 :])
    assert done.returncode == 7


def test_streams_are_what_they_were(folder: ExecFolder) -> None:
    text = bytes(range(256)) * 4096 + b"\r\n\x01x\n"
    done = folder.run("copy", given=text)
    assert done.stdout == text
    assert done.stderr == f"{len(text)} bytes\n".encode()
    assert done.returncode == 0


@pytest.mark.slow
def test_a_hundred_megabytes_come_whole(folder: ExecFolder) -> None:
    size = 100_000_000
    done = folder.run("much", str(size))
    assert len(done.stdout) == size
    words = memoryview(done.stdout).cast("I")
    assert all(words[at] == at for at in range(0, len(words), 997))
    assert done.stderr == b""
    assert done.returncode == 0


def test_a_reader_that_is_slower_than_the_program_gets_all(folder: ExecFolder) -> None:
    # all queues on the way are full when the program ends
    size = 2_000_000
    with folder.start("much", str(size)) as process:
        assert process.stdout is not None
        descriptor, found = process.stdout.fileno(), bytearray()
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1)  # a page, the least that there is
        while byte := os.read(descriptor, 1):
            found += byte
        assert process.wait(LIMIT) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert len(found) == size
    assert list(memoryview(found).cast("I")) == list(range(size // 4))


def test_what_a_program_leaves_ends_with_it(folder: ExecFolder) -> None:
    done = folder.run("leave")
    assert set(done.stdout.splitlines(keepends=True)[:-1]) <= {b"left\n"}
    assert (done.stderr, done.returncode) == (b"", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_goes_to_the_program(folder: ExecFolder, number: signal.Signals) -> None:
    with folder.start("wait", str(int(number))) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        output, errors = process.communicate(timeout=LIMIT)
    assert output == f"caught {int(number)}\n".encode()
    assert errors == b""
    assert process.returncode == 5


def test_a_program_that_a_signal_kills_has_its_number(folder: ExecFolder) -> None:
    with folder.start("wait", "10") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=LIMIT) == (b"", b"")
    assert process.returncode == 128 + signal.SIGINT
    done = folder.run("die", str(int(signal.SIGSEGV)))
    assert (done.returncode, done.stderr) == (128 + signal.SIGSEGV, b"")


def test_a_reader_that_goes_away_ends_the_program_by_sigpipe(folder: ExecFolder) -> None:
    with folder.start("much", "1000000000") as process:
        assert process.stdout is not None
        assert len(process.stdout.read(4)) == 4
        process.stdout.close()
        assert process.wait(LIMIT) == 128 + signal.SIGPIPE


def test_a_stream_can_be_opened_by_its_path(folder: ExecFolder) -> None:
    done = folder.run("again", "/dev/stderr")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"again\n", 0)


def test_the_folder_is_read_only_unless_it_is_asked_for(folder: ExecFolder) -> None:
    done = folder.run("again", "new")
    assert done.stdout == b"new: Read-only file system\n"
    assert done.returncode == 1
    assert folder.run("again", "new", options=["--share", ".,write"]).returncode == 0
    assert (folder.path / "new").read_text() == "again\n"


@pytest.mark.slow
def test_threads_run_on_all_vcpus(folder: ExecFolder) -> None:
    done = folder.run("threads", "4", options=["--smp", "4"])
    assert (done.stdout, done.stderr, done.returncode) == (b"4000000 on 4\n", b"", 0)


@needs_sysroot
def test_a_program_has_libraries_of_a_sysroot(folder: ExecFolder) -> None:
    build_program("acts", folder.path / "dynamic", DYNAMIC)
    (folder.path / "acts").unlink()
    (folder.path / "dynamic").rename(folder.path / "acts")
    done = folder.run("tell", options=["--sysroot", str(SYSROOT)])
    assert done.stdout.startswith(b"[./acts]\n[tell]\n"), done.stderr
    assert done.returncode == 7
    done = folder.run("tell")
    assert (done.returncode, done.stdout) == (127, b"")
    assert b"it is linked dynamically, and /lib/ld-linux-riscv64-lp64d.so.1 is not" in done.stderr


def test_what_linux_does_not_execute_has_a_shells_status(folder: ExecFolder) -> None:
    (folder.path / "acts").unlink()
    script = folder.path / "acts"
    script.write_text("#!/bin/none\n")
    script.chmod(0o755)
    done = folder.run()
    assert (done.returncode, done.stdout) == (127, b"")
    assert done.stderr == b"mttcg: ./acts: it can't be executed: No such file or directory\n"


def test_a_name_is_looked_for_in_a_sysroot(folder: ExecFolder) -> None:
    place = folder.path / "sysroot/usr/bin"
    place.mkdir(parents=True)
    (folder.path / "acts").rename(place / "named")
    command = [*command_of(options=["--sysroot", "sysroot"])[:-1], "named", "tell"]
    done = subprocess.run(command, cwd=folder.path, capture_output=True, timeout=LIMIT)
    assert done.stdout.startswith(b"[named]\n[tell]\n"), done.stderr
    assert done.returncode == 7
