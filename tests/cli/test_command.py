"""The command as a process."""

import signal
import subprocess
import sys

AT_THE_END = """
import atexit, os, signal, sys
from mttcg.cli import command
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv = ["mttcg", "--version"]
command()
"""


def test_an_interrupt_while_python_ends_changes_nothing() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, as by nohup, it would be
    done = subprocess.run(
        [sys.executable, "-c", AT_THE_END], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mttcg ")
