"""Records as Parquet files, one table per stream; needs polars, the extra `parquet`."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.subscriber.items import Batch, Item, Opened
from mttcg_bus.wire.stream import Records

if TYPE_CHECKING:
    import polars

ROWS_A_FILE = 4 << 20
"""Rows after which a table goes on in another file, so that memory stays flat."""


class ParquetWriter:
    """Writes `directory`/<plugin>.<event>/00000.parquet and following: a table in parts.

    The columns are `cpu`, `number` (the record's sequence number), and the record's fields; a field
    whose name is one of these two is called `field_cpu` or `field_number`.
    Raises ImportError if polars is not there, OSError, OutputFull where there is no room for the
    next file; those before are good.
    """

    def __init__(self, directory: Path) -> None:
        import polars

        self._polars = polars
        self._directory = directory
        self._frames: dict[str, list[polars.DataFrame]] = {}
        self._rows: dict[str, int] = {}
        self._files: dict[str, int] = {}

    @property
    def rows(self) -> dict[str, int]:
        """Rows by stream, so far."""
        return dict(self._rows)

    def write(self, item: Item) -> None:
        """Add a batch; other items have no rows."""
        if isinstance(item, Opened):  # under a name that was there it may have other columns
            for stream in self._frames.keys() & {spec.name for spec in item.streams}:
                self._flush(stream)
        if not isinstance(item, Batch):
            return
        waiting = self._frames.setdefault(item.stream, [])
        waiting.append(self._frame(item))
        self._rows[item.stream] = self._rows.get(item.stream, 0) + len(item.records)
        if sum(map(len, waiting)) >= ROWS_A_FILE:
            self._flush(item.stream)

    def finish(self) -> None:
        """Write what waits."""
        for stream in self._frames:
            self._flush(stream)

    def _frame(self, batch: Batch) -> "polars.DataFrame":
        count = len(batch.records)
        columns: dict[str, Any] = {
            "cpu": np.full(count, batch.cpu, np.uint16),
            "number": np.arange(batch.first, batch.first + count, dtype=np.uint64),
        }
        for name, values in columns_of(batch.records):
            columns[f"field_{name}" if name in columns else name] = values
        return self._polars.DataFrame(columns)

    def _flush(self, stream: str) -> None:
        if not self._frames[stream]:
            return
        place = self._directory / stream
        place.mkdir(exist_ok=True)
        number = self._files.get(stream, 0)
        self._write(self._polars.concat(self._frames[stream]), place / f"{number:05}.parquet")
        self._files[stream] = number + 1
        self._frames[stream].clear()

    def _write(self, table: "polars.DataFrame", path: Path) -> None:
        """Write a file, which is whole or not there."""
        content = BytesIO()  # as polars does not say why it could not write a file
        table.write_parquet(content)
        write_whole(path, content.getbuffer())


def columns_of(records: Records) -> Iterator[tuple[str, Any]]:
    """Give the fields of records as columns: arrays, or lists of bytes for fixed-length bytes."""
    for name in records.dtype.names or ():
        values = np.ascontiguousarray(records[name])
        if values.dtype.kind == "S":  # numpy would cut zero bytes off the end
            values = values.view(f"V{values.dtype.itemsize}")
            yield (
                name,
                [value.tobytes() for value in values]
                if values.ndim == 1
                else [[value.tobytes() for value in row.reshape(-1)] for row in values],
            )
        else:
            yield name, values
