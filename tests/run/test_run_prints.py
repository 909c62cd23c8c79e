"""What plugins print reaches stderr in whole lines, whatever else writes there."""

import os
import subprocess
import sys

import pytest

SAY = (
    "from mttcg.processes.host import print_by_line; print_by_line(); print('one', 2); print('two')"
)


@pytest.mark.parametrize("flags", [[], ["-u"]], ids=["buffered", "unbuffered"])
def test_a_printed_line_is_one_write(flags: list[str]) -> None:
    reader, writer = os.pipe2(os.O_DIRECT)  # packets: a read gets what one write wrote
    with os.fdopen(writer, "wb") as stream:
        subprocess.run([sys.executable, *flags, "-c", SAY], stdout=stream, check=True)
    with os.fdopen(reader, "rb", buffering=0) as packets:
        written = list(iter(lambda: packets.read(65536), b""))
    assert written == [b"one 2\n", b"two\n"]
