"""What signals mean to the tests does not depend on how they were started."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
SHOW = """
import signal
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL)
"""
START = f"""
import os, runpy, signal, subprocess, sys
runpy.run_path({str(CONFTEST)!r})
os.kill(os.getpid(), signal.SIGHUP)
subprocess.run([sys.executable, "-c", {SHOW!r}], check=True)
"""


@pytest.mark.parametrize("ignored", ["HUP", "HUP INT"])
def test_what_tests_start_hears_what_they_were_started_to_outlive(ignored: str) -> None:
    command = f'trap \'\' {ignored}; exec "$0" -c "$1"'
    shown = subprocess.run(
        ["sh", "-c", command, sys.executable, START], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "True\nTrue\n"
