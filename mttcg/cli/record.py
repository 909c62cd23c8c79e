"""`mttcg record`: write all that a run publishes to a file, which `mttcg replay` reads."""

import argparse
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mttcg.aggregate.aggregation import CONNECT_SECONDS, stop_on_interrupt
from mttcg.aggregate.report_pipe import failures_told, write_report, write_subscribed
from mttcg.cli.keys import add_client_keys, client_security
from mttcg.cli.subscribe import check_descriptor
from mttcg.errors import EXIT_FAULT, EXIT_INTERRUPTED, OptionError
from mttcg.option_values import check_record_limit, parse_size
from mttcg.terminal import say, tell

if TYPE_CHECKING:
    from mttcg_bus.wire.security import Security

NAME = "recorder"
"""What the recorder is called on the bus."""


class RecordVerb:
    """The verb `record`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("url", metavar="URL", help="the bus's address, as the run printed it")
        parser.add_argument("file", metavar="FILE", type=Path, help="the file, which is replaced")
        parser.add_argument(
            "--record-limit", metavar="SIZE", help="stop when the file has so many bytes"
        )
        add_client_keys(parser)
        parser.add_argument(
            "--report-fd",
            metavar="N",
            type=int,
            help="write what was recorded to this descriptor; Ctrl-C is left to the run",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Record until the streams end, or there is no room; 70 if it is not all, 130 by Ctrl-C."""
        if args.report_fd is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            check_descriptor("--report-fd", args.report_fd)
        with failures_told(args.report_fd):
            return self._record(args)

    def _record(self, args: argparse.Namespace) -> int:
        limit = parse_size(args.record_limit, "--record-limit") if args.record_limit else 0
        check_record_limit(limit)
        security = client_security(args)
        subscribed = partial(write_subscribed, args.report_fd)
        try:
            report, interrupted = record(args.url, args.file, security, subscribed, limit)
        except OSError as error:
            wrong = f"{args.file}: {error.strerror}"
            raise OptionError("FILE", wrong, "a file to write") from error
        if args.report_fd is not None:
            write_report(args.report_fd, report, final=True, failure=report["stopped"])
        else:
            say(f"{args.file}: {report['records']:,} records in {report['batches']:,} batches")
            if report["stopped"]:
                tell(report["stopped"])
        if interrupted:
            return EXIT_INTERRUPTED
        return 0 if report["complete"] else EXIT_FAULT


def record(
    url: str,
    file: Path,
    security: "Security | None",
    subscribed: Callable[[], None],
    limit: int,
) -> tuple[dict[str, Any], bool]:
    """Record what is published at `url`; returns what was written, and whether Ctrl-C ended it.

    subscribed: called when nothing is missed from now on. limit: bytes, 0 for any number. Without
    room for more it leaves the run, and the report has as `stopped` why.
    Raises OSError for the file, the bus's errors.
    """
    from mttcg_bus.errors import OutputFull
    from mttcg_bus.recording.recording import RecordingWriter
    from mttcg_bus.subscriber.subscriber import Subscriber

    with Subscriber(
        url, [""], NAME, connect_seconds=CONNECT_SECONDS, security=security, later=True
    ) as subscriber:
        writer, stopped = RecordingWriter(file, subscriber.parts, limit), ""
        try:
            subscribed()
            with stop_on_interrupt(subscriber.stop) as interrupts:
                for item in subscriber:
                    writer.write(item)
            if not subscriber.missing:
                writer.finish()
        except OutputFull as full:
            stopped = str(full)
            writer.stop(full.why)
            subscriber.close(f"stopped: {full.why}")
        finally:
            writer.close()
        complete = not (subscriber.missing or stopped)
    report = {"records": writer.records, "batches": writer.batches, "complete": complete}
    return {"file": str(file), **report, "stopped": stopped}, bool(interrupts)
