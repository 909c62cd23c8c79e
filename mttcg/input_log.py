"""The log of `--record-inputs`: what came to a guest from outside, and after which instructions.

A text, a JSON value (RFC 8259) a line; docs/deterministic-runs.md says what is in it. The first
line says what the run was, the last how it ended; so one that was cut is seen, and one that was
changed, as the last has the SHA-256 of all before. It is written at the run's end, and is whole or
not there.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mttcg.errors import UserError

FORMAT = 1
"""Version of the file's layout."""
NAME = "input_log"
"""The key of the first line whose value is the version."""
STOPPED, ENDED = "stopped", "ended"
"""How a run came to its end: somebody stopped it, or it ended as its guest has it."""
MOST_BYTES = 1 << 30
"""Of a file; what people type is less."""
BYTES_AS_TEXT = "latin-1"
"""A character is a byte: what is typed can be read in the log, and any byte can be there."""


class InputLogError(UserError):
    """A file is no log that this run can be given."""

    def __init__(self, path: Path, wrong: str, expected: str) -> None:
        super().__init__(f"input log {path}: {wrong}; expected {expected}")
        self.path, self.wrong, self.expected = path, wrong, expected


class Input(NamedTuple):
    """What came between two turns.

    Attributes:
        turn: how many turns had ended.
        clock: of the guest, in nanoseconds.
        instructions: that all harts had retired.
        console: what was typed; None if it is the end of all that is.
    """

    turn: int
    clock: int
    instructions: int
    console: bytes | None


class LogEnd(NamedTuple):
    """Where a run ended.

    Attributes:
        how: STOPPED or ENDED.
        turn: how many turns had ended.
        hart: whose turn it was.
        clock: of the guest when that turn began, in nanoseconds.
        instructions: that each hart had retired.
    """

    how: str
    turn: int
    hart: int
    clock: int
    instructions: tuple[int, ...]


class InputLog(NamedTuple):
    """A whole log.

    Attributes:
        machine: what the run was, by names of its options.
        inputs: in the order in which they came.
        end: of the run.
    """

    machine: Mapping[str, Any]
    inputs: tuple[Input, ...]
    end: LogEnd


def log_bytes(log: InputLog) -> bytes:
    """The file's content."""
    lines = [{NAME: FORMAT, **log.machine}, *map(_plain, log.inputs)]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    last = {**log.end._asdict(), "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(last).encode() + b"\n"


def _plain(taken: Input) -> dict[str, Any]:
    data = taken.console
    return taken._asdict() | {"console": None if data is None else data.decode(BYTES_AS_TEXT)}


def write_log(path: Path, log: InputLog) -> None:
    """Write a log to a file, which is whole then, or what it was; raises OSError."""
    place = Path(os.path.realpath(path))
    part = place.with_name(f".{place.name}.part{os.getpid()}")
    try:
        with part.open("wb") as file:
            file.write(log_bytes(log))
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def read_log(path: Path) -> InputLog:
    """Read a log; raises InputLogError."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputLogError(path, f"it has {size} bytes", f"at most {MOST_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        raise InputLogError(path, str(error.strerror), "a file to read") from error
    return parse_log(path, content)


def parse_log(path: Path, content: bytes) -> InputLog:
    """Read a log's content; path: what errors say. Raises InputLogError."""
    lines = content.split(b"\n")
    first = _value(path, lines[0], 1)
    if first.get(NAME) != FORMAT:
        found = first.get(NAME)
        wrong = "it is none" if found is None else f"it has version {found}"
        raise InputLogError(path, wrong, f"version {FORMAT}, which --record-inputs writes")
    if len(lines) < 3 or lines[-1]:
        raise InputLogError(path, "it was cut", "a last line with the run's end")
    last = _value(path, lines[-2], len(lines) - 1)
    if "sha256" not in last:
        raise InputLogError(path, "it was cut", "a last line with the run's end")
    found = hashlib.sha256(content[: -len(lines[-2]) - 1]).hexdigest()
    if last.pop("sha256") != found:
        raise InputLogError(path, "it was changed", f"what has the SHA-256 {found[:16]}...")
    try:
        end = LogEnd(**last | {"instructions": tuple(last["instructions"])})
        inputs = tuple(_inputs(path, lines[1:-2]))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InputLogError(path, f"it says {error}", "what --record-inputs writes") from error
    del first[NAME]
    return InputLog(first, inputs, end)


def _inputs(path: Path, lines: Iterable[bytes]) -> Iterable[Input]:
    for number, line in enumerate(lines, 2):
        plain = _value(path, line, number)
        text = plain["console"]
        data = None if text is None else text.encode(BYTES_AS_TEXT)
        yield Input(**plain | {"console": data})


def _value(path: Path, line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        wrong = f"line {number} is no JSON object"
        raise InputLogError(path, wrong, "lines that --record-inputs writes")
    return found
