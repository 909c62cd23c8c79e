"""Lines on standard output and standard error: nothing of ours prints past these functions.

The console of the guest is not among them, and goes through unchanged.
"""

import sys
import traceback
from typing import TextIO

from mttcg.printable import printable, printable_lines

LONGEST_LINE = 1000
"""Characters of a line, or of a cell of a table, that are shown."""
ERASE_LINE = "\r\x1b[2K"
"""To the start of the line, and nothing in it (ECMA-48: CR, EL)."""
NAME = "mttcg: "
"""What our lines on standard error begin with."""
CONTINUED = "  "
"""What the further lines of a message begin with, so that none of them looks like one of ours."""


def shown(text: str) -> str:
    """Write a text of others as one line of a terminal, or a part of one."""
    return printable(text, longest=LONGEST_LINE)


def shown_lines(text: str) -> list[str]:
    """Write a text that may have several lines."""
    return printable_lines(text, longest=LONGEST_LINE)


def say(text: str) -> None:
    """Print a line on standard output."""
    _write(sys.stdout, shown(text))


def tell(message: str) -> None:
    """Print a message on standard error, after our name; it may have several lines."""
    first, *more = shown_lines(message)
    _write(sys.stderr, "\n".join([f"{NAME}{first}", *(f"{CONTINUED}{line}" for line in more)]))


def tell_progress(text: str) -> None:
    """Say, to whoever sits at a terminal, what they wait for; nothing where it is none.

    A status line that is drawn there gives way.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        _write(sys.stderr, f"{ERASE_LINE}{NAME}{shown(text)}")


def show_typed(text: str) -> None:
    """Write a part of a line on standard error: a prompt, and what is typed there."""
    _write(sys.stderr, text, end="")


def tell_error(error: BaseException) -> None:
    """Print an error with its traceback on standard error."""
    tell("".join(traceback.format_exception(error)))


def _write(stream: TextIO | None, text: str, end: str = "\n") -> None:
    if stream is not None:  # as it is when a process is started with it closed
        stream.write(f"{text}{end}")
        stream.flush()
