"""`mttcg replay`: run a plugin's aggregator over a recording."""

import argparse
from pathlib import Path

from mttcg.aggregate.aggregation import aggregator_errors, maker_of, outcome_json
from mttcg.cli.files import write_file
from mttcg.cli.subscribe import deliver
from mttcg.errors import EXIT_FAULT, PluginError
from mttcg.instrument.loading.loader import load_plugin
from mttcg.instrument.loading.second_half import check_aggregator
from mttcg.option_values import check_output


class ReplayVerb:
    """The verb `replay`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("file", metavar="FILE", type=Path, help="what a run recorded")
        parser.add_argument(
            "--plugin",
            metavar="SPEC",
            required=True,
            help="name-or-path,key=value,... of a plugin with an Aggregator (see mttcg plugins)",
        )
        parser.add_argument("--json", metavar="FILE", type=Path, help="write the report to FILE")
        parser.add_argument(
            "--html", metavar="FILE", type=Path, help="write the report to FILE as a page"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Aggregate what was recorded; 70 if the recording breaks off."""
        from mttcg.report.page import replay_page
        from mttcg_bus.recording.recording import Recording
        from mttcg_bus.subscriber.aggregator import aggregate

        for option, file in (("--json", args.json), ("--html", args.html)):
            if file is not None:
                check_output(option, file)
        plugin = load_plugin(args.plugin)
        make = maker_of(plugin)
        with Recording(args.file, [f"{plugin.name}."]) as recording:
            if not recording.missing:
                there = ", ".join(recording.streams) or "no stream"
                raise PluginError(plugin.name, f"{args.file} has no stream of it; it has {there}")
            run = recording.run
            check_aggregator(plugin, run)
            described = {"guest": run.guest, "engine": run.engine, "vCPUs": run.smp}
            with aggregator_errors(plugin):
                outcome = aggregate(recording, make(run))
        deliver(plugin.name, outcome, args.json, None)
        if args.html is not None:
            settings = {"recording": str(args.file), "plugin": args.plugin, **described}
            found = outcome_json(plugin.name, outcome)
            write_file("--html", args.html, replay_page(found, settings))
        return EXIT_FAULT if outcome.failure or outcome.missing else 0
