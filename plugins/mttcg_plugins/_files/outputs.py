"""Files that plugins write: refused before the run if that can't be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from mttcg.instrument import OptionRefusedError

EXPECTED = "a file to write"
How: TypeAlias = Literal["whole", "growing", "flowing"]
"""Put in place of an earlier one by `write_whole`; written as it grows; or, besides, from its
start to its end, so that it may be a device or a pipe."""


def check_output(option: str, path: Path | None, how: How = "whole") -> None:
    """Raise OptionRefusedError, naming the plugin's option, for a file that can't be written."""
    if path is not None:
        with refusing(option, path):
            wrong = _wrong(path, how)
        if wrong:
            raise OptionRefusedError(option, wrong, EXPECTED)


def _wrong(path: Path, how: How) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    there = path.exists()
    flows = how == "flowing" and (path.is_char_device() or path.is_fifo())
    if there and not path.is_file() and not flows:
        return f"{path} is no regular file"
    opened = there and how != "whole"
    if not os.access(path if opened else folder, os.W_OK):
        return f"{path if opened else folder} is not writable"
    return ""


@contextmanager
def refusing(option: str, path: Path) -> Iterator[None]:
    """Make what the system says about a file, when it is opened, OptionRefusedError."""
    try:
        yield
    except OSError as error:
        raise OptionRefusedError(option, f"{path}: {error.strerror}", EXPECTED) from error
