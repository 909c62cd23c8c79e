"""What the tests of the bundled plugins share: example guests run, in parts and again."""

import importlib.util
import io
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from mttcg.cli import main
from mttcg.config import DEFAULT_TIERS
from mttcg.supervisor.machine import Machine

ENGINE = os.environ.get("MTTCG_TEST_ENGINE", "auto")
"""What guests run on: `make test` runs these tests once more, on the engine that `auto` is not."""
CHECK = os.environ.get("MTTCG_TEST_CHECK", "yes") == "yes"
"""Whether each run compares its counts with each other, see `--check`."""
GUESTS = Path(__file__).parents[2] / "examples" / "guests"
SOURCES = Path(__file__).with_name("guests")


def load_build() -> ModuleType:
    """What builds the example guests, as a module."""
    specification = importlib.util.spec_from_file_location("build_guests", GUESTS / "build.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def guest_path(name: str) -> Path:
    return GUESTS / f"{name}.elf"


def run_plugins(
    guest: str | Path,
    *plugins: str,
    smp: int = 1,
    shards: int = 1,
    record: Path | None = None,
    status: int = 0,
    tiers: str = DEFAULT_TIERS,
    **symbols: int,
) -> Any:
    """Run a guest under plugins, as JSON; `tiers` are of llvm, `symbols` the guest's variables."""
    if isinstance(guest, str):
        symbols = {"harts_expected": smp} | symbols  # or it reads the device tree
    machine = Machine(
        guest if isinstance(guest, Path) else guest_path(guest),
        smp=smp,
        engine=ENGINE,
        tiers=tiers,
        plugins=plugins,
        symbols_set=symbols,
        shards={"": shards},
        record=record,
        check=CHECK,
    )
    result = machine.run(console=io.BytesIO()).to_json()
    assert (result["exit_status"], result["failures"]) == (status, []), result
    return result


def replayed(recording: Path, spec: str, out: Path) -> Any:
    """The report of a plugin's aggregator over a recording."""
    assert main(["replay", str(recording), "--plugin", spec, "--json", str(out)]) == 0
    return json.loads(out.read_text())["report"]
