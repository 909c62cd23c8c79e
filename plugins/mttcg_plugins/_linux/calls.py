"""System calls as they go through a stream: at its beginning and at its end a record each.

The text of the arguments, which may be longer than a record, follows in further ones.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mttcg.instrument import GuestProcess
from mttcg_bus.wire.stream import Records

ENTER, RETURN, MORE = range(3)
"""What a record is: MORE is more text of the one before it on the same vCPU."""
ROOM = 128
RECORD = np.dtype(
    [
        ("time", "<u8"),
        ("result", "<i8"),
        ("pid", "<u4"),
        ("tgid", "<u4"),
        ("number", "<u8"),
        ("arguments", "<u8", (6,)),
        ("comm", "u1", (16,)),
        ("cpu", "<u2"),
        ("what", "<u2"),
        ("bytes", "<u4"),
        ("text", "u1", (ROOM,)),
    ]
)
"""A system call that begins, or returns: `bytes` of `text` say what its arguments are, as far as
that is known then, each behind the other with a zero byte between them."""
NUMBERS = ("time", "what", "cpu", "pid", "tgid", "number", "result")
SEPARATOR = "\0"


def records_of(
    process: GuestProcess, cpu: int, time: int, what: int, call: Sequence[Any], texts: Sequence[str]
) -> "np.ndarray[Any, Any]":
    """The records of one event; `call`: number, arguments, result."""
    text = SEPARATOR.join(texts).encode()
    pieces = [text[at : at + ROOM] for at in range(0, len(text), ROOM)] or [b""]
    found = np.zeros(len(pieces), RECORD)
    found["what"], found["cpu"] = MORE, cpu
    first = found[0]
    first["what"], first["time"] = what, time
    first["pid"], first["tgid"] = process.pid, process.tgid
    first["number"], first["arguments"], first["result"] = call
    comm = process.comm.encode()[:16]
    first["comm"][: len(comm)] = list(comm)
    for record, piece in zip(found, pieces, strict=True):
        record["bytes"] = len(piece)
        record["text"][: len(piece)] = list(piece)
    return found


@dataclass
class CallEvent:
    """A call that begins or returns."""

    time: int
    what: int
    cpu: int
    pid: int
    tgid: int
    comm: str
    number: int
    result: int
    text: bytes

    @property
    def texts(self) -> list[str]:
        """The text of each argument."""
        return self.text.decode().split(SEPARATOR) if self.text else []


@dataclass
class TracedCall:
    """A call; `result` and `ended` are None as long as it has not returned."""

    comm: str
    pid: int
    tgid: int
    cpu: int
    number: int
    began: int
    texts: list[str]
    ended: int | None = None
    result: int | None = None


@dataclass
class CallEvents:
    """Puts records of all vCPUs together to calls."""

    events: list[CallEvent] = field(default_factory=list)
    latest: dict[int, CallEvent] = field(default_factory=dict)

    def add(self, cpu: int, records: Records) -> None:
        """Take a batch of one vCPU."""
        for record in records:
            text = record["text"][: record["bytes"]].tobytes()
            if record["what"] == MORE:
                if cpu in self.latest:
                    self.latest[cpu].text += text
                continue
            comm = record["comm"].tobytes().split(b"\0")[0].decode("utf-8", "replace")
            numbers = {name: int(record[name]) for name in NUMBERS}
            event = CallEvent(**numbers, comm=comm, text=text)
            self.latest[cpu] = event
            self.events.append(event)

    def forget(self, cpu: int) -> None:
        """Records of a vCPU are missing here: what more there is of a text is nobody's."""
        self.latest.pop(cpu, None)

    def calls(self) -> list[TracedCall]:
        """The calls in the order in which they began."""
        found: list[TracedCall] = []
        begun: dict[int, TracedCall] = {}
        for event in sorted(self.events, key=lambda each: (each.time, each.cpu)):
            if event.what == ENTER:
                who = event.comm, event.pid, event.tgid, event.cpu
                begun[event.pid] = TracedCall(*who, event.number, event.time, event.texts)
                found.append(begun[event.pid])
            elif event.pid in begun:  # the child of a clone returns from what it did not begin
                call = begun.pop(event.pid)
                call.ended, call.result = event.time, event.result
                call.texts = [early or late for early, late in _paired(call.texts, event.texts)]
        return found


def _paired(early: list[str], late: list[str]) -> Iterator[tuple[str, str]]:
    """The texts of arguments at the beginning, and at the end where there are as many."""
    yield from zip(early, late if len(late) == len(early) else [""] * len(early), strict=True)


Key = tuple[int, str, int]
"""Process, its name, and the number of a call."""


@dataclass
class CallSums:
    """What the calls of one kind, of one process, come to."""

    calls: int = 0
    errors: int = 0
    unfinished: int = 0
    ticks: int = 0
    longest: int = 0


def sums_of(calls: Sequence[TracedCall], is_error: Callable[[int], bool]) -> dict[Key, CallSums]:
    """Add up calls by process and number."""
    found: dict[Key, CallSums] = defaultdict(CallSums)
    for call in calls:
        sums = found[call.tgid, call.comm, call.number]
        sums.calls += 1
        if call.ended is None or call.result is None:
            sums.unfinished += 1
            continue
        ticks = call.ended - call.began
        sums.errors += is_error(call.result)
        sums.ticks, sums.longest = sums.ticks + ticks, max(sums.longest, ticks)
    return found
