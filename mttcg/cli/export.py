"""`mttcg export`: a recording in a form that other programs read."""

import argparse
from pathlib import Path

from mttcg.errors import EXIT_FAULT, OptionError, UserError
from mttcg.terminal import say, tell


class PolarsMissingError(UserError):
    """Parquet files need polars, which is not there."""

    def __init__(self) -> None:
        super().__init__("--parquet needs polars; install it with: pip install 'mttcg[parquet]'")


class ExportVerb:
    """The verb `export`."""

    def prepare_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the verb's arguments."""
        parser.add_argument("file", metavar="FILE", type=Path, help="what a run recorded")
        parser.add_argument(
            "--parquet",
            metavar="DIRECTORY",
            type=Path,
            required=True,
            help="a new or empty directory, for a folder of files per stream",
        )

    def run(self, args: argparse.Namespace) -> int:
        """Write the files, and say how many rows; 70 if the recording breaks off."""
        from mttcg_bus.errors import RecordingCut
        from mttcg_bus.recording.parquet import ParquetWriter
        from mttcg_bus.recording.recording import Recording

        status = 0
        with Recording(args.file) as recording:
            prepare_directory(args.parquet)
            try:
                writer = ParquetWriter(args.parquet)
            except ImportError as error:
                raise PolarsMissingError from error
            try:
                for item in recording:
                    writer.write(item)
            except RecordingCut as cut:
                tell(str(cut))
                status = EXIT_FAULT
            writer.finish()
        for stream, rows in writer.rows.items():
            say(f"{args.parquet / stream}: {rows:,} rows")
        return status


def prepare_directory(path: Path) -> None:
    """Make the directory; OptionError if that can't be, or something is in it."""
    expected = "a new or empty directory"
    try:
        path.mkdir(exist_ok=True)
        occupied = any(path.iterdir())
    except OSError as error:
        raise OptionError("--parquet", f"{path}: {error.strerror}", expected) from error
    if occupied:
        raise OptionError("--parquet", f"{path} is not empty", expected)
