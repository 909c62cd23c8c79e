"""Every mistake of a user's: one line on stderr that says what is wrong, exit status 2."""

import socket
from collections.abc import Callable
from pathlib import Path

from run_harness import Running, guest, plugin
from tiny_elf import TinyElf, TinySegment

from mttcg.isa.riscv64.extensions import EXTENSIONS, isa_text

HELLO = guest("hello")


def refused(runs: list[tuple[Running, str]]) -> None:
    """Check that each run said one line with this text, and nothing else happened."""
    for running, wrong in runs:
        status = running.wait()
        assert running.stderr.startswith("mttcg: "), running.stderr
        assert running.stderr.count("\n") == 1, running.stderr
        assert wrong in running.stderr
        assert (status, running.shown) == (2, b""), running.stderr
        running.check_nothing_left()


def test_a_guest_that_cannot_be_run(start: Callable[..., Running], tmp_path: Path) -> None:
    note = TinyElf(segments=(TinySegment(kind=4),))
    files = {
        "notes.txt": (b"hello\n", "it is not an ELF file; expected a 64-bit little-endian RISC-V"),
        "x86.elf": (TinyElf(machine=62).content(), "it is for another machine, x86-64; expected"),
        "32.elf": (TinyElf(elf_class=1).content(), "it is a 32-bit ELF; expected a 64-bit"),
        "note.elf": (note.content(), "it has no loadable segment; expected a 64-bit"),
    }
    runs = []
    for name, (content, wrong) in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        runs.append((start(str(path)), f"mttcg: {path}: {wrong}"))
    texts = [f"{engine}: {isa_text(names)}" for engine, names in EXTENSIONS.items()]
    isas = f" ({'; '.join(texts)})"
    runs.append((start(str(tmp_path / "32.elf"), "--engine", "llvm"), isas))
    outside = "is outside RAM; expected addresses in RAM, 0x80000000 to 0x800fffff (see --memory)"
    runs.append((start(guest("mix"), "--memory", "1M"), outside))
    refused(runs)


def test_what_can_not_be_started(start: Callable[..., Running], tmp_path: Path) -> None:
    bzimage = tmp_path / "vmlinuz"
    bzimage.write_bytes(b"MZ".ljust(0x202, b"\0") + b"HdrS" + bytes(99))
    kernel = str(bzimage)
    refused(
        [
            (start(), "GUEST: there is none; expected an ELF file, --kernel or --bios"),
            (start(HELLO, "--kernel", kernel), f"--kernel: there is a guest, {HELLO}; expected"),
            (start(HELLO, "--initrd", kernel), "--initrd: there is no --kernel; expected both"),
            (start("--kernel", kernel), f"{kernel}: it is a kernel for another machine, x86;"),
            (start("--bios", "absent"), "absent: there is no such file; expected firmware"),
            (start(HELLO, "--load", kernel), f"--load: {kernel!r} is not a file and an address;"),
            (start(HELLO, "--load", f"{kernel}@64"), "at 0x40 to 0x2a8 is outside RAM; expected"),
            (start(HELLO, "--dump-dtb", "no/tree"), "--dump-dtb: there is no directory no;"),
        ]
    )


def test_an_option_that_cannot_be(start: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(
        [
            (
                start(HELLO, "--smp", "0"),
                "--smp: 0 is out of range; expected a whole number",
            ),
            (start(HELLO, "--smp", "65"), "--smp: 65 is out of range; expected a whole number"),
            (
                start(HELLO, "--set", "console_lok=1"),
                "hello.elf: --set console_lok: there is no symbol 'console_lok'; expected one of",
            ),
            (
                start(HELLO, "--json", f"{tmp_path}/file/x.json"),
                f"--json: there is no directory {tmp_path}/file; expected a file to write",
            ),
            (start(HELLO, "--wait-subscribers", "1"), "no plugin has a stream; expected a plugin"),
        ]
    )


def test_a_plugin_that_cannot_be_loaded(start: Callable[..., Running]) -> None:
    raising = plugin("raising")
    refused(
        [
            (
                start(HELLO, "--plugin", "absent"),
                "plugin absent: unknown; known are: cache, callgraph",
            ),
            (
                start(HELLO, "--plugin", "hotblocks,tops=3"),
                "plugin hotblocks: unknown option 'tops'; known are: space, mode, top",
            ),
            (
                start(HELLO, "--plugin", plugin("refusing")),
                "plugin refusing: plugin_init returned False; expected",
            ),
            (
                start(HELLO, "--plugin", plugin("broken")),
                "plugin broken: importing it fails: ZeroDivisionError: integer division or",
            ),
            (
                start(HELLO, "--plugin", f"{raising},at=init"),
                "plugin raising: plugin_init raised RuntimeError: as asked, at init (",
            ),
            (
                start(HELLO, "--plugin", f"{raising},at=exit_in_init"),
                "plugin raising: plugin_init raised SystemExit: 3 (",
            ),
            (start(HELLO, "--plugin", f"{raising},at=declaring"), "stream raising.bad: "),
        ]
    )


def test_options_that_a_second_half_cannot_meet(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    bare, started, trace = tmp_path / "bare.elf", tmp_path / "started", tmp_path / "trace.npy"
    bare.write_bytes(TinyElf().content())
    trace.write_text("kept")
    kept = ("--plugin", f"memtrace,out={trace}", "--record", str(tmp_path / "recording"))
    refusing = plugin("second_half", started=started)
    lines = f"plugin coverage: option lcov: {bare} has no debug information; expected a guest comp"
    refused(
        [
            (start(str(bare), *kept, "--plugin", f"coverage,lcov={tmp_path}/lcov"), lines),
            (
                start(HELLO, *kept, "--plugin", f"{refusing},at=check"),
                "second_half: option at: this",
            ),
            (
                start(HELLO, *kept, "--plugin", f"{refusing},at=check_raises"),
                "plugin second_half: Aggregator.check raised RuntimeError: as asked (",
            ),
            (
                start(HELLO, *kept, "--plugin", f"{refusing},at=kind"),
                "plugin second_half: its Aggregator is of another kind; expected one derived from",
            ),
            (
                start(HELLO, "--plugin", f"memtrace,out={tmp_path}/{'x' * 300}"),
                "plugin memtrace: option out: ",
            ),
            *(
                (
                    start(
                        HELLO, "--smp", "2", "--shards", shards, "--plugin", f"{refusing},at=begin"
                    ),
                    "the run can't begin without the aggregator of second_half: option at: this is",
                )
                for shards in ("1", "2")
            ),
        ]
    )
    assert trace.read_text() == "kept"
    left = {path.name for path in tmp_path.iterdir() if not path.is_dir()}
    assert left == {"bare.elf", "trace.npy"}


def test_a_bus_address_in_use(start: Callable[..., Running], tmp_path: Path) -> None:
    taken = tmp_path / "bus"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(taken))
            tcp_url, ipc_url = f"tcp://127.0.0.1:{port}", f"ipc://{taken}"
            refused(
                [
                    (start(HELLO, "--bus", tcp_url), f"bus {tcp_url}: somebody else is bound"),
                    (start(HELLO, "--bus", ipc_url), f"bus {ipc_url}: the socket file exists"),
                ]
            )
    assert taken.exists()


def test_a_machine_that_the_host_has_no_room_for(start: Callable[..., Running]) -> None:
    limited = "import os, resource as r, sys; r.setrlimit(r.RLIMIT_NOFILE, (24, 24)); "
    program = ("-c", limited + "from mttcg.cli import main; sys.exit(main())")
    refused(
        [
            (
                start("run", HELLO, "--smp", "16", "--plugin", "memtrace", program=program),
                "--smp 16 with 128 MiB of memory: the host refuses (Too many open files); expected",
            )
        ]
    )


def test_a_result_that_cannot_be_written(start: Callable[..., Running]) -> None:
    running = start(HELLO, "--json", "/dev/full", "--quiet")
    assert running.wait() == 70
    assert running.shown == b"hello from hart 0 of 1\n"
    assert running.stderr == "mttcg: --json: /dev/full: No space left on device\n"
