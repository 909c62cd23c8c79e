"""`mttcg campaign`: many runs from one file, and a table of what came of them."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mttcg.errors import EXIT_FAULT, EXIT_SIGNAL, OptionError
from mttcg.terminal import say, tell

if TYPE_CHECKING:
    from mttcg.campaign.attempt import RunOutcome
    from mttcg.campaign.crew import Crew, Events
    from mttcg.campaign.plan import CampaignPlan, PlannedRun
    from mttcg.campaign.scheduler import Scheduler
    from mttcg.campaign.store import EndedRun, Store

JOBS_MAX = 4096
WORKER_SECONDS = 60.0
FAILED_SHOWN = 20
"""Runs that did not pass that are named at the end; the table has all."""
LISTED_AT_ONCE = 1000
"""Runs of a table of --list; more make several, each shown when it is there."""
TLS = {
    "--tls-ca": "certificates of those who may sign the scheduler's, for tls:// (PEM)",
    "--tls-cert": "certificate of ours (PEM)",
    "--tls-key": "key of that certificate, if it is in a file of its own (PEM)",
}


class CampaignVerb:
    """The verb `campaign`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("file", metavar="FILE", type=Path, help="the campaign, in TOML")
        parser.add_argument(
            "--list", action="store_true", help="show the runs, and which have ended; run nothing"
        )
        parser.add_argument(
            "--output",
            metavar="DIRECTORY",
            type=Path,
            help="where the results go (what the file says, or FILE with the ending .results)",
        )
        parser.add_argument(
            "--from",
            metavar="SNAPSHOT",
            type=Path,
            dest="from_snapshot",
            help="runs of which the file names no guests go on from there",
        )
        parser.add_argument(
            "--jobs",
            metavar="N",
            type=int,
            help="runs at once on this machine (as many as have processors for their vCPUs)",
        )
        parser.add_argument(
            "--again",
            metavar="failed|all",
            help="run those that did not pass once more, or all of them",
        )
        parser.add_argument(
            "--scheduler",
            metavar="URL",
            help="run on a Dask cluster: tcp://127.0.0.1:PORT, or tls://HOST:PORT",
        )
        parser.add_argument(
            "--worker-limit",
            metavar="SECONDS",
            type=float,
            help="give up when the scheduler has no worker for so long (60); 0: never",
        )
        for name, told in TLS.items():
            parser.add_argument(name, metavar="FILE", type=Path, help=told)
        parser.add_argument("--quiet", action="store_true", help="no progress, errors only")

    def run(self, args: argparse.Namespace) -> int:
        """Run what has not been run; 70 if a run did not pass."""
        from mttcg.campaign.file import read_campaign
        from mttcg.campaign.plan import make_plan, runs_of
        from mttcg.campaign.table import polars_module

        check_options(args)
        scheduler = scheduler_of(args)
        base = args.from_snapshot and args.from_snapshot.absolute()
        file = read_campaign(args.file, base)
        directory = args.output or file.output
        if args.list:
            return list_runs(runs_of(file), directory)
        plan = make_plan(file)
        polars_module()  # now, and not when all has been run
        return run_campaign(plan, directory, args, scheduler)


def check_options(args: argparse.Namespace) -> None:
    """Raise OptionError for options that can't be."""
    from mttcg.campaign.drive import AGAIN

    if args.again is not None and args.again not in AGAIN:
        raise OptionError("--again", f"{args.again!r} is not known", " or ".join(AGAIN))
    if args.jobs is not None and not 1 <= args.jobs <= JOBS_MAX:
        raise OptionError("--jobs", f"{args.jobs} is out of range", f"1 to {JOBS_MAX}")
    if args.jobs is not None and args.scheduler is not None:
        wrong = "the scheduler knows what its workers can do"
        raise OptionError("--jobs", wrong, "--jobs or --scheduler")
    if args.worker_limit is not None and not 0 <= args.worker_limit < float("inf"):
        raise OptionError("--worker-limit", f"{args.worker_limit} is out of range", "0 or more")
    if args.worker_limit is not None and args.scheduler is None:
        raise OptionError("--worker-limit", "there is no --scheduler", "both, or neither")


def scheduler_of(args: argparse.Namespace) -> "Scheduler | None":
    """Give the scheduler that the options name; its address and files are checked."""
    if args.scheduler is None:
        for option, path in zip(TLS, (args.tls_ca, args.tls_cert, args.tls_key), strict=True):
            if path is not None:
                raise OptionError(option, "there is no --scheduler", "both, or neither")
        return None
    from mttcg.campaign.scheduler import Scheduler

    return Scheduler(args.scheduler, ca=args.tls_ca, cert=args.tls_cert, key=args.tls_key)


def list_runs(runs: Iterator["PlannedRun"], directory: Path) -> int:
    """Show runs on stdout as they come, and what came of those that have ended."""
    from mttcg.campaign.store import read_records
    from mttcg.cli.render import make_console
    from mttcg.cli.report import rows_table

    console, count = make_console(sys.stdout), 0
    keys: set[bytes] = set()
    while some := list(islice(runs, LISTED_AT_ONCE)):
        some_keys = [run.task.key for run in some]
        records = read_records(directory, some_keys)
        rows = [
            {
                "run": run.task.title,
                "vCPUs": run.task.smp,
                "time limit": f"{run.task.time_limit:g} s" if run.task.time_limit else "none",
                "state": state_of(run, records.get(run.task.key)),
            }
            for run in some
        ]
        for part in rows_table(rows, limit=len(rows)):
            console.print(part)
        count += len(rows)
        keys.update(map(bytes.fromhex, some_keys))
    say(f"{count} runs, {len(keys)} different ones; results in {directory}")
    return 0


def state_of(run: "PlannedRun", record: "EndedRun | None") -> str:
    """Say what came of a run so far."""
    from mttcg.campaign.attempt import outcome_of

    return "to do" if record is None else str(outcome_of(record.attempt, run.expect)[0])


def run_campaign(
    plan: "CampaignPlan", directory: Path, args: argparse.Namespace, scheduler: "Scheduler | None"
) -> int:
    """Run what is to be done, and write the table of all that has ended."""
    from queue import SimpleQueue

    from mttcg.campaign.drive import Course, to_do
    from mttcg.campaign.store import Store
    from mttcg.campaign.table import rows_of, write_table
    from mttcg.cli.campaign_progress import observer

    events: Events = SimpleQueue()
    tasks = plan.tasks()
    with (
        Store(directory, plan.file.name) as store,
        observer(args.quiet) as shown,
    ):
        todo = to_do(plan, store.records(tasks), args.again)
        shown.begin(len(tasks), len(tasks) - len(todo))
        course = Course(store, events, shown, plan.file.retries, plan.expected())
        try:
            if todo:
                course.run(todo, make_crew(plan, store, events, args, scheduler))
        finally:  # also of what was done before a cluster broke down
            records = store.records(tasks)
            write_table(store.table, list(rows_of(plan.runs, records)))
    return report(plan, records, store.table, course.interrupted)


def make_crew(
    plan: "CampaignPlan",
    store: "Store",
    events: "Events",
    args: argparse.Namespace,
    scheduler: "Scheduler | None",
) -> "Crew":
    """Find those who run it: processes of this machine, or the workers of a scheduler."""
    if scheduler is None:
        from mttcg.campaign.local import LocalCrew

        return LocalCrew(events, store, plan.contents, args.jobs)
    from mttcg.campaign.cluster import ClusterCrew

    limit = WORKER_SECONDS if args.worker_limit is None else args.worker_limit
    return ClusterCrew(events, store, plan.contents, scheduler, limit)


def report(
    plan: "CampaignPlan", records: "dict[str, EndedRun]", table: Path, interrupted: int | None
) -> int:
    """Say what came of the campaign, and which runs did not pass; gives the exit status."""
    from mttcg.campaign.attempt import RunOutcome, outcome_of

    found = [
        (run.task.title, *outcome_of(records[run.task.key].attempt, run.expect))
        for run in plan.runs
        if run.task.key in records
    ]
    counts = Counter(outcome for _, outcome, _ in found)
    say(f"{table}: {len(found)} of {len(plan.runs)} runs: {counts_text(counts)}")
    failed = [row for row in found if row[1] is not RunOutcome.PASSED]
    for title, outcome, why in failed[:FAILED_SHOWN]:
        tell(f"{title}: {outcome}: {one_line(why)}")
    if len(failed) > FAILED_SHOWN:
        tell(f"... and {len(failed) - FAILED_SHOWN} more, see {table}")
    if interrupted is not None:
        tell("interrupted; the same command goes on from here")
        return EXIT_SIGNAL + interrupted
    return EXIT_FAULT if failed else 0


def counts_text(counts: "Counter[RunOutcome]") -> str:
    """Write how many runs had each outcome that there was."""
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in sorted(counts)) or "none"


def one_line(text: str) -> str:
    """Put a text of several lines into one."""
    return " ".join(text.split())
