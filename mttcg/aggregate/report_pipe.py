"""What a process that `mttcg run` started says to it: lines of JSON through a pipe.

`{"subscribed": true}` once it has all that it needs, then its reports. What stops it stands in the
last line, for the run to say if it is the cause of anything.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mttcg.errors import EXIT_FAULT, MttcgError
from mttcg.supervisor.results.result import json_ready
from mttcg_bus.host.limits import host_refusal

if TYPE_CHECKING:
    from mttcg_bus.wire.stream import Received


def write_line(descriptor: int, line: dict[str, Any], *, last: bool = False) -> None:
    """Write a line; the last one closes the descriptor."""
    with os.fdopen(descriptor, "w", closefd=last) as stream:
        stream.write(json.dumps(json_ready(line)) + "\n")


def write_subscribed(descriptor: int | None) -> None:
    """Say that the run may begin, to the run if there is one."""
    if descriptor is not None:
        write_line(descriptor, {"subscribed": True})


def write_report(
    descriptor: int,
    report: dict[str, Any] | None,
    *,
    final: bool,
    failure: str = "",
    received: "Mapping[tuple[str, int], Received] | None" = None,
) -> None:
    """Write a report, None if there is none, what it lacks, and with the last what came."""
    came = [[*part, *counts] for part, counts in (received or {}).items()]
    line = {"report": report, "final": final, "failure": failure, "received": came}
    write_line(descriptor, line, last=final)


@contextmanager
def failures_told(descriptor: int | None) -> Iterator[None]:
    """Leave what goes wrong to the run, if there is one, in place of a line on stderr."""
    from mttcg_bus.errors import BusError

    try:
        yield
    except (MttcgError, BusError) as error:
        if descriptor is None:
            raise
        write_report(descriptor, None, final=True, failure=str(error))
        raise SystemExit(error.exit_status) from error
    except Exception as error:
        refused = host_refusal(error)
        if descriptor is None or not refused:
            raise
        write_report(descriptor, None, final=True, failure=refused)
        raise SystemExit(EXIT_FAULT) from error
