"""What the programs of the Python peers have alike: a job comes in, an answer goes out.

They run in an environment that has the peer and nothing of ours, each as a script of its own.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

DEVICE_SIZE = 0x1000


class BoardOutput:
    """What a guest wrote to its console and to the finisher, and how often a hook was called."""

    def __init__(self) -> None:
        self.printed = bytearray()
        self.finished = 0
        self.events = 0

    def count(self, *_arguments: object) -> None:
        """Be the hook: the least that a Python function can do."""
        self.events += 1


def serve(
    package: str, start: Callable[[dict[str, Any], bytes, BoardOutput], Callable[[], None]]
) -> None:
    """Be the program: tell the version, or run the job on standard input.

    start: makes the machine from the job, the RAM and the board; gives the function that runs it.
    """
    if sys.argv[1:] == ["--version"]:
        print(version(package))
        return
    job, board = json.load(sys.stdin), BoardOutput()
    run = start(job, Path(job["ram"]).read_bytes(), board)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    answer = {
        "guest": time.perf_counter() - wall,
        "vcpu_cpu": time.process_time() - cpu,
        "output": board.printed.decode(errors="replace"),
        "finished": board.finished,
        "events": board.events,
    }
    print(json.dumps(answer))
