"""Runs of example guests with a bundled plugin, and replays of what was recorded."""

import io
import json
import os
from pathlib import Path
from typing import Any

from mttcg import Machine
from mttcg.cli import main

ENGINE = os.environ.get("MTTCG_TEST_ENGINE", "auto")
"""`make test` runs these tests once more, on the engine that `auto` is not."""
CHECK = os.environ.get("MTTCG_TEST_CHECK", "yes") == "yes"
"""Whether each run compares its counts with each other, see `--check`."""
GUESTS = Path(__file__).resolve().parents[2] / "examples" / "guests"


def run(guest: str | Path, spec: str, smp: int = 2, **settings: Any) -> Any:
    """The report of a plugin over a guest that ends well.

    `record` is a file to record to, `shards` a number; all else are symbols to set.
    """
    path = guest if isinstance(guest, Path) else GUESTS / f"{guest}.elf"
    record, shards = settings.pop("record", None), settings.pop("shards", None)
    machine = Machine(
        path,
        smp=smp,
        engine=ENGINE,
        plugins=[spec],
        record=record,
        check=CHECK,
        shards={"": shards} if shards else {},
        symbols_set={"harts_expected": smp, **settings},
    )
    result = machine.run(console=io.BytesIO()).to_json()
    assert (result["exit_status"], result["failures"]) == (0, [])
    return result["plugins"][spec.partition(",")[0]]


def replay(recording: Path, spec: str) -> Any:
    """The report of a plugin over a recording."""
    out = recording.with_suffix(".json")
    assert main(["replay", str(recording), "--plugin", spec, "--json", str(out)]) == 0
    return json.loads(out.read_text())["report"]
