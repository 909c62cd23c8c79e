"""An aggregator that, beside what it reports, writes all records to a file."""

from typing import Any, ClassVar, Self

import numpy as np

import mttcg_bus
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._files.npy import RecordFile
from mttcg_plugins._files.outputs import check_output, refusing


class RecordingAggregator(mttcg_bus.Aggregator):
    """The records go to the .npy file that the option `out` names, if it does; merging keeps apart.

    Attributes:
        layout: of a record.
        files: those that were written, of all shards.
    """

    local = frozenset({"file"})
    layout: ClassVar["np.dtype[Any]"]

    def __init__(self, options: Any, run: RunInfo) -> None:
        super().__init__(options, run)
        self.file: RecordFile | None = None
        self.files: set[str] = set()

    @classmethod
    def check(cls, options: Any, run: RunInfo) -> None:
        """Refuse a file that can't be written."""
        check_output("out", options.out, "growing")

    def begin(self, shard: int | None = None) -> None:
        """Open the file, if there is to be one."""
        super().begin(shard)
        if self.options.out is not None:
            path = self.file_for(self.options.out)
            with refusing("out", path):
                self.file = RecordFile(path, self.layout)
            self.files.add(str(path))

    def end(self) -> None:
        """Close the file, and say if it has not everything."""
        if self.file is not None:
            self.file.close()
            self.faults += [self.file.fault] if self.file.fault else []

    def keep(self, records: Records) -> None:
        """Write a batch, if there is a file."""
        if self.file is not None:
            self.file.append(records)

    def merge(self, other: Self) -> None:
        """Files stay apart."""
        super().merge(other)
        self.files |= other.files

    def with_files(self, report: dict[str, Any]) -> dict[str, Any]:
        """A report that names the files, if there are any."""
        return {**report, "file": "; ".join(sorted(self.files))} if self.files else report
