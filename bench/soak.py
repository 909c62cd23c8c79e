"""What has to hold for a long time, or beside somebody who stands still.

    python -m bench.soak memory --seconds 600     # memtrace in block on mix, 4 vCPUs
    python -m bench.soak stalled --rounds 5       # a good subscriber with and without a stalled one

`memory` runs the guest for so long, looks every two seconds at the memory that each process wrote
and has for itself, and stops the guest in order. Nothing may be lost, and after the first minute no
process may grow: what a line through its samples rises by, over their time, has to be less than 4
MiB, or 2 % of its memory. Shared segments are nobody's own; their size is fixed. Pages of libraries
are left out: whether they are shared depends on what else runs on the machine.

`stalled` sends records to a subscriber that reads them, in turn alone and beside one that takes
nothing and whose policy is to drop. The good one's rate has to be within 10 % of that of the same
round alone.

Prints a table; --json FILE writes the samples as well. Exit status 1 if something does not hold.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from mttcg_bus.publisher.process import PublisherProcess
from mttcg_bus.ring.ring import RingProducer, create_ring, ledger_of
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.subscriber import Subscriber
from mttcg_bus.wire.stream import StreamSpec

ROOT = Path(__file__).resolve().parents[1]
MEBIBYTE = 1 << 20
LOOK_SECONDS = 2.0
WARM_SECONDS = 60.0
"""After which nothing is to grow; a third of the time if that is less."""
GROWTH_ACCEPTED = 4 * MEBIBYTE
SHARE_ACCEPTED = 0.02
RATE_ACCEPTED = 0.9
END_SECONDS = 120.0
ENDLESS = 1 << 40
"""Rounds of the guest."""
ROLES = {
    "mttcg.processes.host": "vCPU host",
    "mttcg_bus.publisher": "publisher",
    "subscribe": "aggregator",
}


# memory


@dataclass
class Memory:
    """Samples of one process: seconds from the start, and bytes."""

    role: str
    seconds: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)

    def settled(self, warm: float) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
        """The samples after `warm` seconds."""
        seconds, sizes = np.array(self.seconds), np.array(self.bytes, float)
        after = seconds >= warm
        return seconds[after], sizes[after]

    def growth(self, warm: float) -> float:
        """Bytes that the line through the samples after `warm` seconds rises by."""
        seconds, sizes = self.settled(warm)
        slope = np.polyfit(seconds, sizes, 1)[0]
        return float(slope * (seconds[-1] - seconds[0]))

    def is_flat(self, warm: float) -> bool:
        sizes = self.settled(warm)[1]
        return self.growth(warm) < max(GROWTH_ACCEPTED, SHARE_ACCEPTED * float(sizes.mean()))


def role_of(process: psutil.Process) -> str:
    """What a process of a run is."""
    words = process.cmdline()
    name = next((role for word, role in ROLES.items() if word in words), "supervisor")
    own = process.name()
    return own if own.startswith(("vcpu", "translator")) else name


def own_bytes(pid: int) -> int:
    """Bytes that a process wrote and has for itself (proc_pid_smaps(5)); OSError if it ended."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    fields = (line.split() for line in lines)
    return sum(int(f[1]) * 1024 for f in fields if f[0] in ("Private_Dirty:", "Swap:"))


def look(root: psutil.Process, memories: dict[int, Memory], began: float) -> None:
    """Take a sample of every process of a run."""
    for process in (root, *root.children(recursive=True)):
        try:
            own = own_bytes(process.pid)
            memory = memories.setdefault(process.pid, Memory(role_of(process)))
        except (psutil.Error, OSError):
            continue  # it has ended
        memory.seconds.append(time.monotonic() - began)
        memory.bytes.append(own)


def measure_memory(seconds: float) -> dict[str, Any]:
    """Run the guest for so long: samples by process, the result, and what does not hold."""
    memories: dict[int, Memory] = {}
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "mttcg", "run", "examples/guests/mix.elf", "--smp", "4"]
        command += ["--set", f"rounds={ENDLESS}", "--plugin", "memtrace"]
        command += ["--policy", "memtrace=block", "--quiet", "--json", str(result)]
        began = time.monotonic()
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            root = psutil.Process(running.pid)
            while time.monotonic() < began + seconds and running.poll() is None:
                look(root, memories, began)
                time.sleep(LOOK_SECONDS)
            running.terminate()  # in order; an interrupt is ignored in a background job
            status = running.wait(END_SECONDS)
            found = json.loads(result.read_text(encoding="utf-8"))
        finally:
            running.kill()
            running.wait()
    return {"status": status, "result": found, "memories": memories}


def report_memory(seconds: float) -> tuple[dict[str, Any], list[str]]:
    measured = measure_memory(seconds)
    warm, wrong = min(WARM_SECONDS, seconds / 3), []
    result, memories = measured["result"], measured["memories"].values()
    counts = result["ledger"]["memtrace.access"]
    print(f"{seconds:g} s of memtrace in block on mix, 4 vCPUs")
    print("records:", ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    if counts["emitted"] != counts["delivered"] or result["failures"]:
        wrong.append(f"records were lost: {result['failures']}")
    if result["plugins"]["memtrace"]["accesses"] != counts["emitted"]:
        wrong.append("the aggregator did not count what was emitted")
    print(f"own memory in MiB, after {warm:g} s:")
    print(f"{'process':<12} {'first':>8} {'last':>8} {'growth':>8} {'KiB/min':>8}")
    for memory in memories:
        times, sizes = memory.settled(warm)
        if len(times) < 3:
            continue
        growth = memory.growth(warm)
        pace = growth / 1024 / (times[-1] - times[0]) * 60
        shown = (sizes[0] / MEBIBYTE, sizes[-1] / MEBIBYTE, growth / MEBIBYTE)
        print(f"{memory.role:<12} " + " ".join(f"{one:8.1f}" for one in (*shown, pace)))
        if not memory.is_flat(warm):
            wrong.append(f"{memory.role} grew by {growth / MEBIBYTE:.1f} MiB")
    samples = [{"role": m.role, "seconds": m.seconds, "bytes": m.bytes} for m in memories]
    return {"ledger": counts, "warm": warm, "samples": samples}, wrong


# a stalled subscriber


RECORD = np.dtype([("number", "<u8"), ("value", "<u8")])
SPEC = StreamSpec("soak.record", RECORD, batch=4096)
RUN = RunInfo("soak", "none", 1, "none", 0x8000_0000, 4096, 0x8000_0000)
RECORDS, SETTLED = 200_000_000, 20_000_000
"""All records, and those before the rate is measured: who stalls has its queue full by then."""


def produce(ring: int, doorbell: int, space: int) -> None:
    """Be the producer: append records until all are written."""
    producer = RingProducer(ring, RECORD, doorbell, space)
    records = np.zeros(SPEC.batch, RECORD)
    for _ in range(RECORDS // SPEC.batch):
        producer.append(records)
    producer.close()


def receive(url: str) -> None:
    """Be the good subscriber: add all records up, and print the rate in millions a second."""
    count, total, before = 0, 0, 0
    with Subscriber(url, ("",), "good") as subscriber:
        print("welcome", flush=True)
        began = 0.0
        for item in subscriber:
            if not began and count >= SETTLED:
                began, before = time.perf_counter(), count
            if isinstance(item, Batch):
                count += len(item.records)
                total += int(item.records["number"].sum())
    print((count - before) / (time.perf_counter() - began) / 1e6, flush=True)


@contextmanager
def part(*arguments: str, fds: tuple[int, ...] = ()) -> "Iterator[subprocess.Popen[str]]":
    """A process that is a part of this program; it is ended with the block."""
    command = [sys.executable, "-m", "bench.soak", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, pass_fds=fds)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rate_beside(policy: str) -> float:
    """The good subscriber's rate beside one that stands still with this policy; "": alone."""
    flags = os.EFD_NONBLOCK | os.EFD_CLOEXEC
    fds = create_ring(SPEC), os.eventfd(0, flags), os.eventfd(0, flags)
    with ExitStack() as stack:
        for fd in fds:
            stack.callback(os.close, fd)
        ring, doorbell, space = fds
        publisher = PublisherProcess.start(
            None, RUN, [SPEC], {SPEC.name: [ring]}, doorbell, [space]
        )
        stack.callback(publisher.terminate)
        if policy:
            stack.enter_context(Subscriber(publisher.url, ("",), "stalled", policy=policy))
        good = stack.enter_context(part("receive", publisher.url))
        assert good.stdout is not None
        assert good.stdout.readline() == "welcome\n"
        stack.enter_context(part("produce", *map(str, fds), fds=fds))
        while ledger_of(ring).emitted != RECORDS // SPEC.batch * SPEC.batch:
            time.sleep(0.01)
            publisher.receive()
        publisher.finish(1.0)
        counts = ledger_of(ring)
        assert counts.in_flight == 0
        return float(good.stdout.readline())


def report_stalled(rounds: int) -> tuple[dict[str, Any], list[str]]:
    rates: dict[str, list[float]] = {"": [], "drop": [], "drop:oldest": []}
    for _ in range(rounds):
        for policy, found in rates.items():
            found.append(rate_beside(policy))
    wrong = []
    print(f"a good subscriber, M records/s of {RECORD.itemsize} bytes, medians of {rounds} rounds")
    for policy, found in rates.items():
        pairs = zip(found, rates[""], strict=True)  # a round's own: the machine's speed changes
        ratio = statistics.median(beside / alone for beside, alone in pairs)
        who = f"beside one stalled, {policy}" if policy else "alone"
        print(f"{who:<34} {statistics.median(found):8.1f}  {ratio:6.2f}")
        if ratio < RATE_ACCEPTED:
            wrong.append(
                f"beside a stalled subscriber with {policy}: {ratio:.2f} of the rate alone"
            )
    return {"rates": rates}, wrong


def main() -> int:
    """Do what the arguments say; 1 if something does not hold."""
    parser = argparse.ArgumentParser(prog="bench.soak", description="What has to hold for long.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    memory = verbs.add_parser("memory", help="memtrace in block for long: nothing lost, no growth")
    memory.add_argument("--seconds", type=float, default=600.0, help="(%(default)g)")
    stalled = verbs.add_parser("stalled", help="a stalled subscriber beside a good one")
    stalled.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    for verb in (memory, stalled):
        verb.add_argument("--json", type=Path, help="file for all that was measured")
    args = parser.parse_args()
    if args.verb == "memory":
        measured, wrong = report_memory(args.seconds)
    else:
        measured, wrong = report_stalled(args.rounds)
    if args.json is not None:
        args.json.write_text(json.dumps(measured | {"wrong": wrong}), encoding="utf-8")
    for line in wrong:
        print(f"does not hold: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["produce"]:
        produce(*map(int, sys.argv[2:]))
    elif sys.argv[1:2] == ["receive"]:
        receive(sys.argv[2])
    else:
        sys.exit(main())
