"""Files that a run or a replay writes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mttcg.errors import OptionError, OutputError
from mttcg_bus.host.limits import NO_ROOM


def write_file(option: str, path: Path, content: str | bytes) -> None:
    """Write what an option asked for; who reads the file meanwhile sees the old or the new.

    Raises OptionError, which names the option, if the file can't be written, and OutputError if
    there is no room for it.
    """
    data = content.encode() if isinstance(content, str) else content
    place = Path(os.path.realpath(path))  # of a link, what it leads to is replaced
    part = place.with_name(f"{place.name}.part{os.getpid()}")
    try:
        in_place = not place.is_file() or not os.access(place.parent, os.W_OK)
        if place.exists() and in_place:  # a pipe or a terminal, or no room for another file
            place.write_bytes(data)
            return
        try:
            part.write_bytes(data)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutputError(f"{option}: {path}", error) from error
        raise OptionError(option, f"{path}: {error.strerror}", "a file to write") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write what --json asked for; OptionError if the file can't be written."""
    write_file("--json", path, json.dumps(content, indent=2) + "\n")
