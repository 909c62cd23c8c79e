"""When the kernel was entered from what ran, and left again: slices within those of processes.

The kernel's handlers, and its way back, are met natively; each is a record of a place and a time.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mttcg_bus.wire.stream import Records
from mttcg_plugins._linux.switches import RunSpan

HANDLERS = {
    "do_irq": "interrupt",
    "do_trap_ecall_u": "system call",
    "do_page_fault": "page fault",
}
"""Functions of the kernel in which a trap's handling begins, and what it is then."""
LEAVE = "ret_from_exception"
"""Where all of them go back to what ran."""
OTHER = "kernel"
"""What a thread does first: it begins in the kernel."""


@dataclass
class HandlerVisit:
    """The kernel was in a handler, on a vCPU, until a process went on there, or another did."""

    kind: str
    cpu: int
    began: int
    ended: int


class Visits(NamedTuple):
    """Records of one vCPU, in order: places of handlers, and of the way back."""

    places: list[int]
    times: "np.ndarray[tuple[int], np.dtype[np.uint64]]"


def entries_in(
    spans: list[RunSpan], visits: Mapping[int, Records], kinds: Mapping[int, str]
) -> list[HandlerVisit]:
    """The handlers that ran in each span, the outer ones before those within them.

    A handler in which a thread was switched away from goes on where that runs next.

    Args:
        spans: of all vCPUs. visits: records of `events.TIMED` by vCPU, in order.
        kinds: by address of a handler.
    """
    found: list[HandlerVisit] = []
    inside: dict[int, list[str]] = defaultdict(list)
    columns = {
        cpu: Visits(records["pc"].tolist(), records["time"]) for cpu, records in visits.items()
    }
    for span in sorted(spans, key=lambda each: each.began):
        if span.cpu in columns:
            found += _within(span, columns[span.cpu], kinds, inside[id(span.thread)])
    return found


def _within(
    span: RunSpan, visits: Visits, kinds: Mapping[int, str], inside: list[str]
) -> Iterator[HandlerVisit]:
    """Those of one span; `inside`: what its thread is in, which changes."""
    open_ones = [HandlerVisit(kind, span.cpu, span.began, span.ended) for kind in inside]
    yield from open_ones
    first, last = np.searchsorted(visits.times, [span.began, span.ended])
    times = visits.times[first:last].tolist()
    for place, time in zip(visits.places[first:last], times, strict=True):
        if place in kinds:
            open_ones.append(HandlerVisit(kinds[place], span.cpu, time, span.ended))
            inside.append(kinds[place])
            yield open_ones[-1]
        elif open_ones:
            open_ones.pop().ended = time
            inside.pop()
        else:
            yield HandlerVisit(OTHER, span.cpu, span.began, time)
