"""`mttcg top` beside a run."""

import signal
import subprocess
import sys
from collections.abc import Callable

from run_harness import LIMIT, Running, guest


def test_a_frame_has_vcpus_streams_and_blocks(start: Callable[..., Running]) -> None:
    options = ["--smp", "2", "--plugin", "hotblocks", "--bus", "tcp://127.0.0.1:*"]
    running = start(guest("spin"), *options)
    running.read(until=b"spinning on 2 harts\n")
    url = next(word for word in running.stderr.split() if word.startswith("tcp://"))
    command = [sys.executable, "-m", "mttcg", "top", url]
    once = subprocess.run(
        [*command, "--once"], capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert once.stderr == ""
    for expected in ("on llvm, 2 vCPUs", "running", "hotblocks.blocks", "executions", "0x8000"):
        assert expected in once.stdout
    wrong = subprocess.run(
        [*command, "--interval", "0"], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as live:
        running.process.send_signal(signal.SIGINT)
        live.communicate(timeout=LIMIT)
    assert live.returncode in (0, 2)  # 2: the run had ended before its first look
    assert running.wait() == 130
