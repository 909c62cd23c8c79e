"""What the files in golden/VERSION/ say: messages as they were first written, and a recording.

A file NAME.hex has the three frames of a message as hexadecimal text, one to a line. What is read
of it never changes, whatever versions and fields come later: files and entries are only added.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire import wire
from mttcg_bus.wire.stream import StreamSpec

FOLDER = Path(__file__).with_name("golden")
STREAM, TOPIC = "memtrace.access", "memtrace.access/0003"
RECORD = np.dtype([("pc", "<u8"), ("value", "<u4"), ("kind", "|S4")])
SPEC = StreamSpec(STREAM, RECORD, batch=16, capacity=64)
RUN = RunInfo("r1", "/g.elf", 4, "llvm", 1 << 31, 4096, 1 << 31, ((16, 8, "main"),), ("memtrace",))
RECORDS = np.array([(0x8000_0000, 7, b"load"), (0x8000_0004, 8, b"st")], RECORD)
COUNTS = {"emitted": 9, "delivered": 6, "dropped": 2, "in_flight": 1, "stalled_ns": 5}
LATER = ("ticks_per_second", "isa", "interprocessor")
RUN_THEN = {k: value for k, value in RUN.to_plain().items() if k not in LATER}
"""As it was described before these were added."""
DESCRIBED = {"run": RUN_THEN, "streams": [SPEC.to_plain()]}
LEDGER = {"streams": {STREAM: COUNTS}, "subscribers": [{"name": "a", "ledger": {STREAM: COUNTS}}]}
SNAPSHOT = {
    "run": RUN_THEN,
    "next": {STREAM: [1, 2, 3, 4]},
    "streams": [SPEC.to_plain()],
    "counters": {"icount": {"total": {"n": 3}, "vcpus": [{"cpu": 0, "n": 3}]}},
    "tables": [
        *({"plugin": "memtrace", "name": "t", "cpu": 0, "stream": STREAM, "records": b""},),
    ],
}


class Golden(NamedTuple):
    """A message: its topic, what its header says, and its payload: bytes, or plain data."""

    message: wire.Message
    topic: str = ""
    payload: "bytes | dict[str, Any]" = b""


VERSION_1 = {
    "hello": Golden(wire.Hello("reader", ("memtrace.",), 65536)),
    "hello-policy": Golden(wire.Hello("reader", ("",), 65536, "drop:oldest")),
    "welcome": Golden(wire.Welcome(), "", DESCRIBED),
    "welcome-same-host": Golden(wire.Welcome("mttcg-00ff", "5eed"), "", DESCRIBED),
    "refused": Golden(wire.Refused("no")),
    "batch": Golden(wire.Batch("r1", STREAM, 3, 1024, 2, 2), TOPIC, RECORDS.tobytes()),
    "batch-in-place": Golden(wire.Batch("r1", STREAM, 3, 1024, 2, 2, 4096), TOPIC),
    "end": Golden(wire.End("r1", STREAM, 63, 2**64 - 1, 0), "memtrace.access/0063"),
    "finish": Golden(wire.Finish()),
    "acknowledge": Golden(wire.Acknowledge(STREAM, 3, 1040)),
    "beat": Golden(wire.Beat(5)),
    "goodbye": Golden(wire.Goodbye("left")),
    "borrow": Golden(wire.Borrow("5eed", STREAM, 3)),
    "lent": Golden(wire.Lent(STREAM, 3)),
    "ask": Golden(wire.Ask()),
    "ask-snapshot": Golden(wire.Ask("snapshot")),
    "ledger": Golden(wire.LedgerNow(), "", LEDGER),
    "snapshot": Golden(wire.SnapshotNow(), "", SNAPSHOT),
    "hello-later": Golden(wire.Hello("reader", ("",), 65536, later=1)),
    "opened": Golden(wire.Opened(), "", {"streams": [SPEC.to_plain()]}),
    "command": Golden(wire.Command(7, "pause"), "", {"milliseconds": 100}),
    "result": Golden(wire.Result(7), "", {"paused_ms": 100}),
    "result-error": Golden(wire.Result(7, "no")),
}
VERSIONS = {1: VERSION_1}


def frames_of(golden: Golden) -> list[bytes]:
    """The message as this version writes it."""
    payload = golden.payload
    return [
        *wire.encode(golden.topic, golden.message),
        payload if isinstance(payload, bytes) else wire.pack(payload),
    ]
