"""A subscriber in JavaScript, of which nothing is ours, gets what an aggregator gets."""

import shutil
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from json import loads
from pathlib import Path

import pytest

from mttcg import Machine
from mttcg_bus.wire.tokens import token_file

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "subscribers"
PROGRAM = FOLDER / "count_pages.js"
NODE = shutil.which("node")
LIMIT = 60.0

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="there is no node"),
    pytest.mark.skipif(
        not (FOLDER / "node_modules" / "zeromq").is_dir(),
        reason="its packages are not there: npm install --prefix examples/subscribers",
    ),
]


def subscribe(url: str) -> "subprocess.CompletedProcess[str]":
    assert NODE is not None
    token = [str(token_file(url))] if url.startswith("tcp://") else []
    return subprocess.run(
        [NODE, str(PROGRAM), url, *token],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.mark.parametrize("bus", [None, "tcp://127.0.0.1:*"])
def test_it_counts_what_the_aggregator_counts(bus: str | None) -> None:
    done: list[Future[subprocess.CompletedProcess[str]]] = []
    with ThreadPoolExecutor(1) as threads:
        machine = Machine(
            ROOT / "examples/guests/hello.elf",
            smp=2,
            plugins=["memtrace"],
            wait_subscribers=1,
            bus=bus,
        )
        result = machine.run(
            console=BytesIO(), on_bus=lambda url: done.append(threads.submit(subscribe, url))
        )
        found = done[0].result(LIMIT)
    assert (found.returncode, found.stderr) == (0, "")
    counted = loads(found.stdout)
    accesses = result.plugins["memtrace"]["accesses"]
    assert (counted["accesses"], counted["missing"]) == (accesses, 0)
    assert counted["pages"] > 0
    assert result.failures == []


def test_it_is_short() -> None:
    code = [line for line in PROGRAM.read_text().splitlines() if line and "//" not in line[:3]]
    assert len(code) <= 45
