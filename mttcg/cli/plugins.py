"""`mttcg plugins`: what plugins there are, and what each one does and takes."""

import argparse
import inspect
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mttcg.instrument.api.options import describe_options
from mttcg.instrument.loading.loader import PluginSource, all_plugins, find_plugin, import_source

if TYPE_CHECKING:
    from rich.console import RenderableType


class PluginsVerb:
    """The verb `plugins`: a table of all, or the documentation and options of one."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's one argument."""
        parser.add_argument(
            "name", metavar="NAME", nargs="?", help="a plugin's name, or the path of its file"
        )

    def run(self, args: argparse.Namespace) -> int:
        """Print to stdout; PluginError for a plugin that is not there or does not load."""
        from mttcg.cli.render import make_console

        parts = list(all_parts() if args.name is None else plugin_parts(find_plugin(args.name)))
        console = make_console(sys.stdout)
        for part in parts:
            console.print(part)
        return 0


def all_parts() -> "Iterator[RenderableType]":
    """Give the table of all plugins; none of them is imported for it."""
    from mttcg.cli.report import cell, rows_table

    sources = all_plugins()
    if not sources:
        yield cell("", "no plugins are installed")
        return
    rows = [
        {"name": source.name, "purpose": source.purpose(), "from": source.origin}
        for source in sources
    ]
    yield from rows_table(rows, limit=len(rows))


def plugin_parts(source: PluginSource) -> "Iterator[RenderableType]":
    """Give the docstring of one plugin and the table of its options."""
    from mttcg.cli.report import cell, heading, paragraph, rows_table

    module = import_source(source)
    yield cell("", f"{source.name}  ({source.origin})")
    yield paragraph("\n" + inspect.cleandoc(module.__doc__ or "(it has no docstring)"))
    options_class = getattr(module, "Options", None)
    options = describe_options(options_class, source.name) if options_class is not None else ()
    rows = [
        {"option": row.name, "type": row.type, "default": row.default, "what it does": row.help}
        for row in options
    ]
    yield heading("options" if rows else "it has no options")
    if rows:
        yield from rows_table(rows, limit=len(rows))
