"""`--record-inputs` and `--replay-inputs`: what was typed comes again at the same instructions."""

import io
import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_harness import GUESTS, Running, guest, plugin

from mttcg import Machine
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.input_log import InputLogError, log_bytes, read_log

TYPED = ["a", "bc", "\r", "several words at a time\r", "x" * 100, "once more\rq"]
WAYS: list[dict[str, Any]] = [
    {"plugins": ["icount", "hotblocks", "memtrace"]},
    {"plugins": ["execlog"], "tiers": "interpreter"},
    {"check": True, "plugins": ["howvec"], "pin": True, "code_cache": 8 << 20},
]
"""How a run may differ from another that is the same to the guest."""
SUPERVISOR = {"symbols_set": {"supervisor": 1, "fifo_depth": 16}, "seed": 4, "quantum": 99}
GUESTS_THAT_READ: list[tuple[str, dict[str, Any], int]] = [
    ("interrupts", {"smp": 3}, 3),
    ("interrupts", SUPERVISOR, 1),
    ("echo", {}, 1),
]
"""With options, and in how many ways each is replayed."""


class Typist(io.BytesIO):
    """A console at which somebody types, at moments that no two runs have alike."""

    def __init__(self, typed: list[str]) -> None:
        super().__init__()
        self.reading, self.writing = os.pipe()
        self.left = [text.encode() for text in typed]

    def write(self, data: Any) -> int:
        """Show, and type something."""
        for _ in range(random.choice((1, 1, 2, 3))):
            self.type_next()
        return super().write(data)

    def type_next(self) -> None:
        """Type what is next; behind all is the end of what is typed."""
        if self.left:
            os.write(self.writing, self.left.pop(0))
        else:
            self.stop_typing()

    def stop_typing(self) -> None:
        """Type no more."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1


def run(name: Path | str, folder: Path, **options: Any) -> Any:
    """A run that repeats: what of it has to be the same."""
    console = options.pop("console", None) or io.BytesIO()
    given: dict[str, Any] = {"smp": 2, "memory": 16 << 20, "deterministic": True} | options
    given["plugins"] = [*given.get("plugins", ()), plugin("ram_digest", out=folder)]
    path = GUESTS / f"{name}.elf" if isinstance(name, str) else name
    stdin_fd = getattr(console, "reading", None)
    result = Machine(path, **given).run(console=console, stdin_fd=stdin_fd)
    counts = [(v.instructions, v.blocks, v.traps, v.interrupts) for v in result.vcpus]
    memory = [each.read_text() for each in sorted(folder.glob("ram*"))]
    assert len(memory) == len(counts) or result.failures
    return console.getvalue(), result.exit_status, result.failures, counts, memory


def recorded(name: Path | str, folder: Path, log: Path, **options: Any) -> Any:
    typist = Typist(options.pop("typed", TYPED))
    try:
        return run(name, folder, console=typist, record_inputs=log, **options)
    finally:
        typist.stop_typing()
        os.close(typist.reading)


@pytest.mark.parametrize(("name", "options", "ways"), GUESTS_THAT_READ)
def test_what_was_typed_comes_again_with_other_plugins(
    name: str, options: dict[str, Any], ways: int, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    first = recorded(name, tmp_path, log, **options)
    assert first[1:3] == (0, [])
    assert b"SEVERAL WORDS AT A TIME\n" in first[0]
    for way in WAYS[:ways]:
        assert run(name, tmp_path, replay_inputs=log, **options, **way) == first


def test_the_log_says_what_came_and_when(tmp_path: Path) -> None:
    log = tmp_path / "log"
    _, _, _, counts, _ = recorded("echo", tmp_path, log)
    first, *inputs, last = map(json.loads, log.read_text().splitlines())
    assert (first["input_log"], first["smp"], first["quantum"]) == (1, 2, 100_000)
    assert "".join(each["console"] for each in inputs if each["console"]) == "".join(TYPED)
    assert [each["instructions"] for each in inputs] == sorted(i["instructions"] for i in inputs)
    assert (last["how"], last["instructions"]) == ("ended", [count[0] for count in counts])
    assert log_bytes(read_log(log)) == log.read_bytes()


def test_a_wait_within_a_call_of_the_host_comes_again(elf: Path, tmp_path: Path) -> None:
    log, options = tmp_path / "log", {"symbols_set": {"input": 1}}
    typed = ["Hello\n", "and\n", "again\n"]
    first = recorded(elf, tmp_path, log, typed=typed, **options)
    assert b"at the end -1\n" in first[0]
    assert run(elf, tmp_path, replay_inputs=log, **options, **WAYS[1]) == first


@pytest.mark.parametrize(("name", "text"), [("echo", b"echo until q\n"), ("interrupts", b"q\n")])
def test_a_run_that_was_stopped_repeats_up_to_there(
    name: str, text: bytes, start: Callable[..., Running], tmp_path: Path
) -> None:
    log, options = tmp_path / "log", ("--deterministic", "--smp", "2", "--quiet")
    running = start(
        *(guest(name), *options, "--record-inputs", str(log)),
        with_json=True,
        stdin=subprocess.PIPE,
        bufsize=0,
    )
    assert running.process.stdin is not None
    running.read(until=text)
    running.process.stdin.write(b"words")
    running.read(until=b"WORDS")
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 130
    assert read_log(log).end.how == "stopped"
    for more in ((), ("--plugin", "memtrace", "--tiers", "interpreter")):
        again = start(*(guest(name), *options, "--replay-inputs", str(log), *more), with_json=True)
        assert again.wait() == 0
        assert again.stderr == "mttcg: the recorded run was stopped here\n"
        assert again.shown == running.shown
        counts = [[v["instructions"] for v in each.result["vcpus"]] for each in (again, running)]
        assert counts[0] == counts[1]
    running.process.stdin.close()


def test_a_run_that_is_killed_leaves_no_log(start: Callable[..., Running], tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    running = start(
        *(guest("echo"), "--deterministic", "--record-inputs", str(folder / "log")),
        stdin=subprocess.PIPE,
    )
    running.read(until=b"until q\n")
    running.process.kill()
    running.wait()
    running.check_nothing_left()
    assert list(folder.iterdir()) == []
    assert running.process.stdin is not None
    running.process.stdin.close()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    recorded("echo", folder, folder / "log")
    return folder / "log"


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"smp": 1}, "its run has smp 2; expected 1, as this one"),
        ({"seed": 3}, "its run has seed none; expected 3, as this one"),
        ({"guest": GUESTS / "hello.elf"}, "its run has guest "),
        ({"symbols_set": {"guest_main": 1}}, "its run has set none; expected guest_main=1"),
    ],
)
def test_the_log_of_another_run_is_refused(options: dict[str, Any], wrong: str, log: Path) -> None:
    given = {"guest": GUESTS / "echo.elf", "smp": 2, "memory": 16 << 20} | options
    with pytest.raises(InputLogError) as caught:
        Machine(deterministic=True, replay_inputs=log, **given).run(console=io.BytesIO())
    assert wrong in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda content: b"", "line 1 is no JSON object"),
        (lambda content: b"{}\n", "it is none; expected version 1"),
        (lambda content: content.replace(b'log": 1', b'log": 2', 1), "it has version 2"),
        (lambda content: content[:-1], "it was cut"),
        (lambda content: b"\n".join(content.split(b"\n")[:3]) + b"\n", "it was cut"),
        (lambda content: content.replace(b"several", b"No more", 1), "it was changed"),
        (lambda content: os.urandom(1000) + b"\n", "line 1 is no JSON object"),
    ],
)
def test_a_log_that_was_spoilt_is_refused(
    spoil: Callable[[bytes], bytes], wrong: str, log: Path, tmp_path: Path
) -> None:
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(spoil(log.read_bytes()))
    with pytest.raises(InputLogError) as caught:
        read_log(spoilt)
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refusal_is_one_line(start: Callable[..., Running], log: Path) -> None:
    running = start(guest("hello"), "--deterministic", "--replay-inputs", str(log))
    assert running.wait() == 2
    assert running.stderr.startswith(f"mttcg: input log {log}: its run has ")
    assert running.stderr.count("\n") == 1
    running.check_nothing_left()


def test_a_run_that_is_another_than_its_log_says_so(log: Path, tmp_path: Path) -> None:
    """As one would be whose plugin changes the guest."""
    found = read_log(log)
    early = found.inputs[0]._replace(instructions=found.inputs[0].instructions + 1)
    wrong = tmp_path / "wrong"
    wrong.write_bytes(log_bytes(found._replace(inputs=(early, *found.inputs[1:]))))
    _, status, failures, *_ = run("echo", tmp_path, replay_inputs=wrong)
    assert status == 70
    assert len(failures) == 1 and "instructions" in failures[0] and "as it says" in failures[0]
    end = found.end._replace(instructions=(found.end.instructions[0] + 1, 5))
    wrong.write_bytes(log_bytes(found._replace(end=end)))
    _, status, failures, *_ = run("echo", tmp_path, replay_inputs=wrong)
    assert status == 70
    assert f"expected {end.instructions[0]}, as it says" in failures[0]


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"record_inputs": "x"}, "--record-inputs: there is no --deterministic"),
        ({"replay_inputs": "x"}, "--replay-inputs: there is no --deterministic"),
        (
            {"deterministic": True, "replay_inputs": "x", "record_inputs": "x"},
            "--record-inputs: there is --replay-inputs; expected one of them",
        ),
        (
            {"deterministic": True, "replay_inputs": "x", "from_snapshot": "x"},
            "--replay-inputs: there is --from; expected one of them",
        ),
        ({"deterministic": True, "record_inputs": "/"}, "--record-inputs: / is a directory"),
    ],
)
def test_what_does_not_go_together_is_said(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(OptionError) as caught:
        Config(guest=GUESTS / "echo.elf", **options)
    assert wrong in str(caught.value)
