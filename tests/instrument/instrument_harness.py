"""What the tests of instrumentation share: guests, plugins, and runs of one with the other."""

import importlib.util
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mttcg.supervisor.machine import Machine
from mttcg.supervisor.results.result import RunResult

ENGINE = os.environ.get("MTTCG_TEST_ENGINE", "auto")
"""What guests run on: `make test` runs these tests once more, on the engine that `auto` is not."""
CHECK = os.environ.get("MTTCG_TEST_CHECK", "yes") == "yes"
"""Whether each run compares its counts with each other, see `--check`."""
TESTS = Path(__file__).resolve().parents[1]
EXAMPLES = TESTS.parent / "examples"
GUESTS = EXAMPLES / "guests"
SETTINGS = {
    "counter": {"rounds": 100},
    "mix": {"rounds": 1},
    "ipi": {"rounds": 20},
    "timer": {"rounds": 10},
    "selfmod": {"rounds": 3},
}
"""What the guests' symbols are set to."""
OWN_GUESTS = Path(__file__).with_name("guests")
PLUGINS = Path(__file__).with_name("plugins")


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    result: RunResult
    console: str

    @property
    def in_order(self) -> bool:
        """Whether the guest ended with status 0 and nothing failed."""
        return self.result.exit_status == 0 and not self.result.failures

    def report(self, plugin: str) -> Any:
        """A plugin's report."""
        return self.result.plugins[plugin]


def run_guest(
    guest: Path | str,
    *plugins: str,
    smp: int = 1,
    symbols: dict[str, int] | None = None,
    check: bool = CHECK,
) -> Done:
    """Run a guest, of the examples if it is a name, in this process."""
    path = guest if isinstance(guest, Path) else GUESTS / f"{guest}.elf"
    console = io.BytesIO()
    machine = Machine(
        path, smp=smp, engine=ENGINE, plugins=plugins, symbols_set=symbols or {}, check=check
    )
    result = machine.run(console=console)
    return Done(result, console.getvalue().decode())


def plugin(name: str, **options: Any) -> str:
    """The spec of a plugin of these tests."""
    given = [str(PLUGINS / f"{name}.py")]
    given += [f"{key}={value}" for key, value in options.items()]
    return ",".join(text.replace(",", ",,") for text in given)


def lines_by_cpu(path: Path) -> dict[int, Any]:
    """What each vCPU wrote into a plugin's file, one JSON object each with its `cpu`."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["cpu"]: line for line in sorted(found, key=lambda line: int(line["cpu"]))}


def load_script(path: Path, name: str) -> ModuleType:
    """A Python file that is in no package, as a module."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def build_guests(folder: Path) -> Iterator[Path]:
    """Assemble the guests of these tests, without the examples' runtime, into a folder.

    Each is linked by a script of its own name, if there is one, or as the examples are.
    """
    build = load_script(GUESTS / "build.py", "build_guests")
    for source in sorted(OWN_GUESTS.glob("*.S")):
        built = folder / f"{source.stem}.o"
        elf = built.with_suffix(".elf")
        build.run_zig(("cc", *build.COMPILE, str(source), "-o", str(built)), folder / "cache")
        script = source.with_suffix(".ld")
        link = (*build.LINK[:-1], str(script)) if script.exists() else build.LINK
        build.run_zig((*link, str(built), "-o", str(elf)), folder / "cache")
        yield elf
