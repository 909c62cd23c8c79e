"""Calls of the host: what each gives the guest, on both engines and at each level of privilege."""

import os
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from run_harness import Running

from mttcg import Machine, RunResult
from mttcg.errors import OptionError
from mttcg.host_folder import HostFolder, LeadsOutError

MACHINE, SUPERVISOR, USER = 3, 1, 4
STATUS = 7
CALLS = """console
errors
x
a terminal 1
command line 0
semihosting.elf one "two three", of 31
too little room for it fails with 7
time goes on 1
a year after 2020 1
the heap is behind the program 1
left of the features 0
they are as they should be 1
an unknown call fails with 38
an address without RAM fails with 14
left of a write of what is not there 10
"""
WITHOUT_FILES = "a file fails with 13\n"
END = "traps 3\n"
FILES = """left of a long write 0
length 200000
seek 0
left of a read over the end 40
first byte 194
a terminal 0
close 0
closed again fails with 9
rename 0
removed by the old name fails with 2
left of an addition 0
close 0
givenwritten where only read fails with 9
above fails with 13
above by a folder fails with 13
absolute fails with 13
by a link fails with 13
by a link to a folder fails with 13
removed above fails with 13
moved above fails with 13
a folder fails with 21
a pipe fails with 13
"""


@pytest.fixture(params=["llvm", "unicorn"])
def run(request: pytest.FixtureRequest, elf: Path) -> Callable[..., tuple[RunResult, str]]:
    def run(**options: object) -> tuple[RunResult, str]:
        console = BytesIO()
        given = {"engine": request.param, "args": 'one "two three"', "check": True, **options}
        result = Machine(elf, **given).run(console=console)
        return result, console.getvalue().decode()

    return run


@pytest.mark.parametrize("level", [MACHINE, SUPERVISOR, USER])
def test_calls(run: Callable[..., tuple[RunResult, str]], level: int) -> None:
    result, shown = run(symbols_set={"level": level})
    assert shown == CALLS + WITHOUT_FILES + END
    assert (result.exit_status, result.failures) == (STATUS, [])
    assert result.stop_reason == "the guest ended"
    assert [text for text in result.warnings if "semihosting" in text] == [
        "semihosting operation 0x99 is not supported: it fails",
        "the guest wants the file 'given.txt' by semihosting, and gets none: files need "
        "--semihosting-files DIR",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what leads out of it."""
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "given.txt").write_text("given\n")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link").symlink_to("../outside.txt")
    (folder / "links").symlink_to("..")
    os.mkfifo(folder / "pipe")
    return folder


def test_files_are_below_their_folder_alone(
    run: Callable[..., tuple[RunResult, str]], folder: Path
) -> None:
    result, shown = run(symbols_set={"files": 1}, semihosting_files=folder)
    assert shown.removeprefix(CALLS) == FILES + END
    assert result.exit_status == STATUS
    assert sum("leads out" in text for text in result.warnings) == 6
    assert (folder.parent / "outside.txt").read_text() == "secret"
    assert not (folder.parent / "moved.txt").exists()
    written = (folder / "sub" / "old.txt").read_bytes()
    assert written == bytes(at % 251 for at in range(200_000)) + b"more"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "links/outside.txt", "link"])
@pytest.mark.parametrize("resolves", [True, False])
def test_no_name_leads_out(folder: Path, name: str, resolves: bool) -> None:
    below = HostFolder.at(folder, resolves=resolves)
    try:
        with pytest.raises(OSError) as raised:
            below.open(name, os.O_RDONLY)
        assert isinstance(raised.value, LeadsOutError) or not resolves
        os.close(below.open("./sub/../given.txt" if resolves else ".//given.txt", os.O_RDONLY))
    finally:
        below.close()


def test_links_that_stay_inside_are_followed_where_the_kernel_sees_to_it(folder: Path) -> None:
    (folder / "inside").symlink_to("given.txt")
    for resolves in (True, False):
        below = HostFolder.at(folder, resolves=resolves)
        try:
            os.close(below.open("inside", os.O_RDONLY))
        except OSError:
            assert not resolves
        finally:
            below.close()


def test_input_comes_to_its_end(start: Callable[..., Running], elf: Path) -> None:
    running = start(str(elf), "--set", "input=1", "--quiet", stdin=subprocess.PIPE, bufsize=0)
    assert running.process.stdin is not None
    running.read(until=b"not there 10\n")
    running.process.stdin.write(b"Hello\n")
    running.read(until=b"character 72\nello\n")
    running.process.stdin.write(b"again\n")
    running.read(until=b"again\n")
    running.process.stdin.close()
    assert running.wait() == STATUS
    assert running.shown.endswith(b"again\nat the end -1\n" + (WITHOUT_FILES + END).encode())


def test_a_wait_for_input_can_be_ended(start: Callable[..., Running], elf: Path) -> None:
    running = start(str(elf), "--set", "input=1", stdin=subprocess.PIPE)
    running.read(until=b"not there 10\n")
    running.process.terminate()
    assert running.wait() == 143
    assert running.process.stdin is not None
    running.process.stdin.close()


def test_another_reason_for_the_end_is_told(
    run: Callable[..., tuple[RunResult, str]],
) -> None:
    result, _ = run(symbols_set={"reason": 0x20023})
    assert result.exit_status == 1
    assert "the guest ended by semihosting with the reason 0x20023" in result.warnings


def test_without_semihosting_the_sequence_traps(elf: Path) -> None:
    """The program's handler goes on behind it, and nothing is shown."""
    with pytest.raises(OptionError, match="--args: there is --no-semihosting"):
        Machine(elf, semihosting=False, args="one")
    console = BytesIO()
    result = Machine(elf, semihosting=False).run(console=console)
    assert (console.getvalue(), result.exit_status) == (b"", 9)
    assert result.vcpus[0].traps > 20


@pytest.mark.parametrize("path", ["missing", "given.txt"])
def test_a_folder_that_is_none_is_refused(elf: Path, folder: Path, path: str) -> None:
    with pytest.raises(OptionError, match=r"--semihosting-files: .* is no folder"):
        Machine(elf, semihosting_files=folder / path)
