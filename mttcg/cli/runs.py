"""The runs that there are: found by their processes, so that none is shown that has ended.

A run has a vCPU host and, if it has a bus, a publisher. Both are children of its supervisor: the
command `mttcg run`, or a program of the user's. Where the publisher listens is the bus's address.
"""

import argparse
import os
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mttcg.cli.parser import ArgumentParser
from mttcg.cli.run_options import add_run_options
from mttcg.errors import MttcgError, UserError

if TYPE_CHECKING:
    import psutil

Members: TypeAlias = "defaultdict[psutil.Process, list[psutil.Process]]"
"""Processes by their parents, in order of their start."""

HOST, PUBLISHER = "mttcg.processes.host", "mttcg_bus.publisher"
"""The modules that a run's processes are started with."""
ANSWER_SECONDS = 2.0
"""How long to wait for a run to say what its guest is."""


class NoRunError(UserError):
    """There is no run that a command without an address could be for."""


class SeveralRunsError(UserError):
    """There are several runs that a command without an address could be for."""


@dataclass(frozen=True)
class UserRun:
    """A run of this user.

    pid: of its supervisor. url: its bus's address, "" if it has no bus. seconds: since its start.
    guest: path as it was given, harts: how many; None if neither its command nor its bus says so.
    controlled: whether it takes commands, None if its command does not say so.
    """

    pid: int
    url: str
    seconds: float
    guest: str | None = None
    harts: int | None = None
    controlled: bool | None = None

    def __str__(self) -> str:
        """Name it, in a line that names several."""
        return f"{self.guest or 'a guest'} (pid {self.pid}{f', {self.url}' if self.url else ''})"

    @property
    def age(self) -> str:
        """The time since its start, as h:mm:ss."""
        return str(timedelta(seconds=int(self.seconds)))


def url_of_the_run(*, controlled: bool = False) -> str:
    """The address of the one run that has a bus, or that takes commands if `controlled`.

    Raises NoRunError and SeveralRunsError, which name those that there are.
    """
    found = list(runs())
    fitting = [run for run in found if run.url and not (controlled and run.controlled is False)]
    if len(fitting) == 1:
        return fitting[0].url
    names = "; ".join(map(str, fitting or found))
    if fitting:
        raise SeveralRunsError(f"there are {len(fitting)} runs: {names}; expected the URL of one")
    if not found:
        raise NoRunError("no guest is running; expected a run, or the URL of one")
    wrong, expected = ("has a bus", "--bus, --control, or a plugin with a stream")
    if controlled:
        wrong, expected = ("takes commands", "--control")
    raise NoRunError(f"no run {wrong}, of {names}; expected one with {expected}")


def runs() -> Iterator[UserRun]:
    """The runs of this user on this machine, the oldest first."""
    import psutil

    hosts, publishers = members(HOST), members(PUBLISHER)
    # both by the clock that nobody sets
    now = psutil.boot_time() + time.clock_gettime(time.CLOCK_BOOTTIME)
    pairs = [
        (host.create_time(), supervisor, publisher)
        for supervisor in hosts
        for host, publisher in zip_longest(hosts[supervisor], publishers[supervisor])
        if host is not None
    ]
    for begun, supervisor, publisher in sorted(pairs, key=lambda pair: pair[0]):
        url = address_of(publisher) if publisher is not None else ""
        yield described(supervisor, url, now - begun)


def members(module: str) -> "Members":
    """The processes of this user that were started with a module; not those they have forked."""
    import psutil

    found: Members = defaultdict(list)
    for process in psutil.process_iter():
        try:
            if not runs_module(process, module) or process.uids().real != os.getuid():
                continue
            parent = process.parent()
            if parent is not None and not runs_module(parent, module):
                found[parent].append(process)
        except psutil.Error:  # it has ended meanwhile
            continue
    return found


def runs_module(process: "psutil.Process", module: str) -> bool:
    """Whether the command line of a process is that of a module."""
    words = process.cmdline()
    return ("-m", module) in pairwise(words)


def address_of(publisher: "psutil.Process") -> str:
    """Where a publisher listens, "" if it does not yet, or has ended."""
    import psutil

    try:
        sockets = publisher.net_connections("all")
    except psutil.Error:
        return ""
    for one in sockets:
        if one.type != socket.SOCK_STREAM or not one.laddr:
            continue
        if one.family == socket.AF_UNIX and str(one.laddr).startswith("/"):
            return f"ipc://{one.laddr}"
        if one.status == psutil.CONN_LISTEN:
            host, port = one.laddr
            return (
                f"tcp://[{host}]:{port}"
                if one.family == socket.AF_INET6
                else f"tcp://{host}:{port}"
            )
    return ""


def described(supervisor: "psutil.Process", url: str, seconds: float) -> UserRun:
    """A run, with what its command says of it, or else its bus."""
    import psutil

    try:
        args = arguments_of(supervisor.cmdline())
    except psutil.Error:
        args = None
    controlled = None if args is None else bool(args.control)
    if args is not None and args.from_snapshot is None:
        shown = args.kernel or args.bios or args.guest
        return UserRun(supervisor.pid, url, seconds, str(shown), args.smp or 1, controlled)
    guest, harts = asked(url) if url else (None, None)
    if args is not None and guest is None:
        guest = str(args.from_snapshot)  # the snapshot knows its guest
    return UserRun(supervisor.pid, url, seconds, guest, harts, controlled)


def arguments_of(words: Sequence[str]) -> argparse.Namespace | None:
    """The arguments of a command `mttcg run`, None if a command line is none."""
    names = [Path(word).name for word in words]
    after = words[names.index("mttcg") + 1 :] if "mttcg" in names else []
    if after[:1] != ["run"]:
        return None
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    add_run_options(parser)
    try:
        return parser.parse_args(after[1:])
    except MttcgError:
        return None


def asked(url: str) -> tuple[str | None, int | None]:
    """The guest and number of harts, from a bus; of one that asks for keys None."""
    from mttcg_bus.errors import BusError
    from mttcg_bus.subscriber.subscriber import ask_snapshot

    try:
        run = ask_snapshot(url, ANSWER_SECONDS, awaits=False).run
    except BusError:
        return None, None
    return run.guest, run.smp
