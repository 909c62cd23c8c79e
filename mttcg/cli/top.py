"""`mttcg top`: a live view of a run, from its bus: vCPUs, streams, hottest blocks."""

import argparse
import os
import select
import sys
import time
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

from rich.console import Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table

from mttcg.cli.keys import add_client_keys, client_security
from mttcg.cli.parser import URL_HELP
from mttcg.cli.render import make_console
from mttcg.cli.report import cell, heading, new_table
from mttcg.cli.streams import guest_input
from mttcg.errors import OptionError
from mttcg.terminal import say

if TYPE_CHECKING:
    from mttcg_bus.subscriber.snapshot import Snapshot

ANSWER_SECONDS = 10.0
ENDED_SECONDS = 2.0
"""A run that answered before, and does not for so long, has ended."""
HOTTEST = 8
LEAST_INTERVAL = 0.1
NARROW = 70
"""Columns below which a terminal is too narrow for everything."""


@dataclass
class Frames:
    """What is shown, made of one look after the other: rates are from look to look.

    columns: width of the terminal; a narrow one gets less of it.
    """

    columns: int = NARROW
    before: "Snapshot | None" = None
    emitted: dict[str, int] = field(default_factory=dict)
    sampled: "Counter[int]" = field(default_factory=Counter)

    def frame(self, now: "Snapshot", ledger: dict[str, Any]) -> RenderableType:
        """Show a look."""
        seconds = (now.at_ns - self.before.at_ns) / 1e9 if self.before is not None else 0.0
        run = now.run
        parts: list[RenderableType] = [
            heading(f"{run.guest} on {run.engine}, {run.smp} vCPUs"),
            self._vcpus(now, seconds),
            self._streams(ledger, seconds),
            self._blocks(now),
        ]
        self.before = now
        self.emitted = {name: counts["emitted"] for name, counts in ledger["streams"].items()}
        return Group(*parts)

    def _vcpus(self, now: "Snapshot", seconds: float) -> RenderableType:
        names = ("vCPU", "state", "M instr/s", "idle %", "cache hits", "misses", "in")
        rows: list[tuple[Any, ...]] = []
        olds = {vcpu["cpu"]: vcpu for vcpu in self.before.vcpus} if self.before is not None else {}
        for vcpu in now.vcpus:
            speed, idle, old = "-", "-", olds.get(vcpu["cpu"])
            if seconds > 0 and old is not None:
                speed = f"{(vcpu['instructions'] - old['instructions']) / seconds / 1e6:,.1f}"
                idle = f"{min(100.0, (vcpu['idle_ns'] - old['idle_ns']) / seconds / 1e7):.0f}"
            self.sampled[vcpu["pc"]] += 1
            place = now.run.symbol_at(vcpu["pc"]) or hex(vcpu["pc"])
            hits, misses = vcpu["cache_hits"], vcpu["cache_misses"]
            rows.append((vcpu["cpu"], vcpu["state"], speed, idle, hits, misses, place))
        return self._table(names, rows, left={"state", "in"}, spare={"cache hits", "misses"})

    def _streams(self, ledger: dict[str, Any], seconds: float) -> RenderableType:
        names = ("stream", "records/s", "emitted", "dropped", "in flight", "stalled s")
        rows: list[tuple[Any, ...]] = []
        for name, counts in ledger["streams"].items():
            old = self.emitted.get(name, 0)
            rate = f"{(counts['emitted'] - old) / seconds:,.0f}" if seconds > 0 else "-"
            numbers = (counts["emitted"], counts["dropped"], counts["in_flight"])
            rows.append((name, rate, *numbers, f"{counts['stalled_ns'] / 1e9:.1f}"))
        spare = {"emitted", "in flight", "stalled s"}
        return self._table(names, rows, left={"stream"}, spare=spare)

    def _blocks(self, now: "Snapshot") -> RenderableType:
        """The hottest blocks: from a plugin's table, else where the vCPUs were seen."""
        counts: Counter[int] = Counter()
        for found in now.tables:
            if {"pc", "executions"} <= set(found.records.dtype.names or ()):
                pairs = found.records[["pc", "executions"]].tolist()
                counts.update(dict(pairs))
        title = "executions" if counts else "times seen"
        hottest = (counts or self.sampled).most_common(HOTTEST)
        rows = [(hex(pc), now.run.symbol_at(pc), count) for pc, count in hottest]
        return self._table(("hottest", "symbol", title), rows, left={"hottest", "symbol"})

    def _table(
        self,
        names: tuple[str, ...],
        rows: list[tuple[Any, ...]],
        left: set[str],
        spare: Set[str] = frozenset(),
    ) -> Table:
        """Make a table; numbers stay whole, and a narrow terminal gets no `spare` columns."""
        shown = [name not in spare or self.columns >= NARROW for name in names]
        table = new_table()
        for name in compress(names, shown):
            is_text = name in left
            justify: JustifyMethod = "left" if is_text else "right"
            table.add_column(name, justify=justify, overflow="fold", no_wrap=not is_text)
        for row in rows:
            table.add_row(*(cell("", value) for value in compress(row, shown)))
        return table


class TopVerb:
    """The verb `top`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("url", metavar="URL", nargs="?", help=URL_HELP)
        parser.add_argument("--once", action="store_true", help="print it once, and end")
        parser.add_argument(
            "--interval", metavar="SECONDS", type=float, default=1.0, help="(%(default)g)"
        )
        add_client_keys(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Show until the run ends, or q or Ctrl-C."""
        from mttcg.cli.runs import url_of_the_run
        from mttcg_bus.errors import KeyRefused, NoPublisher, PublisherLost
        from mttcg_bus.subscriber.subscriber import ask_ledger, ask_snapshot

        if not args.interval >= LEAST_INTERVAL:
            raise OptionError("--interval", f"{args.interval:g}", f"{LEAST_INTERVAL} or more")
        console = make_console(sys.stdout)
        security, frames = client_security(args), Frames()
        url = args.url or url_of_the_run()

        def look(seconds: float) -> RenderableType:
            snapshot = ask_snapshot(url, seconds, security, awaits=False)
            frames.columns = console.width  # it may have been changed
            return frames.frame(snapshot, ask_ledger(url, seconds, security, awaits=False))

        shown = look(ANSWER_SECONDS)
        if args.once:
            time.sleep(args.interval)  # rates need two looks
            console.print(look(ANSWER_SECONDS))
            return 0
        try:
            with (
                guest_input() as (keys, _),
                Live(shown, console=console, auto_refresh=False) as live,
            ):
                while not quit_within(args.interval, keys):
                    live.update(look(ENDED_SECONDS), refresh=True)
        except (NoPublisher, PublisherLost, KeyRefused):  # as it goes while it is asked
            say("the run has ended")
        except KeyboardInterrupt:
            pass
        return 0


def quit_within(seconds: float, keys: int | None) -> bool:
    """Wait so long; whether q was pressed meanwhile, at a terminal."""
    if keys is None or not os.isatty(keys):
        time.sleep(seconds)
        return False
    if not select.select([keys], [], [], seconds)[0]:
        return False
    pressed = os.read(keys, 64)
    return not pressed or b"q" in pressed.lower()
