"""From a campaign file to its runs: each combination, its files read, everything checked first."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mttcg.campaign.file import AXES, AxisValue, CampaignFile, Matrix
from mttcg.campaign.node import TomlNode
from mttcg.campaign.task import SETTINGS, File, PluginUse, Task
from mttcg.config import Config
from mttcg.errors import GuestFileError, OptionError, PluginError
from mttcg.guest.boot import check_device_symbols
from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage, settable
from mttcg.hardware.boards import DEFAULT_BOARD, board_named
from mttcg.instrument.api.options import parse_spec
from mttcg.instrument.loading.loader import find_plugin, load_plugins
from mttcg.instrument.loading.plugin_modules import files_of
from mttcg.snapshot.errors import SnapshotError
from mttcg.supervisor.snapshots.saved_machine import inherit


@dataclass(frozen=True)
class PlannedRun:
    """A row of the table to be: a task, and what the file says beside it."""

    task: Task
    matrix: str
    guest: str
    labels: Mapping[str, Any]
    expect: tuple[int, ...]
    input: str | None = None


@dataclass(frozen=True)
class CampaignPlan:
    """All runs in the order in which they start, and the files' contents by digest."""

    file: CampaignFile
    runs: tuple[PlannedRun, ...]
    contents: Mapping[str, bytes] = field(repr=False)

    def tasks(self) -> dict[str, Task]:
        """Give each different run once, by key."""
        return {run.task.key: run.task for run in self.runs}

    def expected(self) -> dict[str, tuple[int, ...]]:
        """Give the exit statuses that count as success, by key."""
        return {run.task.key: run.expect for run in self.runs}


def make_plan(file: CampaignFile) -> CampaignPlan:
    """Find out all runs; CampaignFileError for a guest, symbol or plugin that can't be."""
    planner = Planner(file.path.parent)
    runs = tuple(run for matrix in file.matrices for run in planner.runs(matrix))
    return CampaignPlan(file, runs, planner.contents)


def runs_of(file: CampaignFile) -> Iterator[PlannedRun]:
    """Give all runs one by one, as there may be many; raises as `make_plan`, before the first."""
    planner = Planner(file.path.parent)
    for matrix in file.matrices:
        for _ in planner.round(matrix, 1):
            pass
    for matrix in file.matrices:
        yield from planner.runs(matrix)


class Planner:
    """Reads each file once, and checks each combination once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.contents: dict[str, bytes] = {}
        self.files: dict[Path, File] = {}
        self.images: dict[tuple[str, int], GuestImage] = {}
        self.uses: dict[tuple[str, ...], tuple[PluginUse, ...]] = {}

    def runs(self, matrix: Matrix) -> Iterator[PlannedRun]:
        """Give a matrix's runs; repeats are far apart, so that a slow hour falls on all alike."""
        for repeat in range(1, matrix.repeats + 1):
            yield from self.round(matrix, repeat)

    def round(self, matrix: Matrix, repeat: int) -> Iterator[PlannedRun]:
        """Give one repeat of a matrix: all its combinations."""
        several = {key for key, choices in matrix.axes.items() if len(choices) > 1}
        for combination in itertools.product(*matrix.axes.values()):
            chosen = dict(zip(matrix.axes, combination, strict=True))
            title = title_of(matrix, chosen, several, repeat)
            yield self.run(matrix, chosen, title, repeat)

    def run(
        self, matrix: Matrix, chosen: Mapping[str, AxisValue], title: str, repeat: int
    ) -> PlannedRun:
        """Make one run of a choice of each axis."""
        symbols = {key.removeprefix("set."): c for key, c in chosen.items() if key[:4] == "set."}
        guest = chosen["guests"]
        given = {
            "symbols_set": {symbol: choice.value for symbol, choice in symbols.items()},
            **{AXES[key][0]: chosen[key].value for key in AXES if key in chosen},
            **matrix.fixed,
        }
        if matrix.is_restored:
            config = self.restored(guest, given)
        else:
            config = Config(guest=Path(guest.value), **given)
            self.check_guest(guest, config.memory, symbols)
        read = chosen.get("input") or chosen.get("type")
        task = Task(
            title=title,
            guest=self.file(guest.value),
            settings={name: getattr(config, name) for name in SETTINGS},
            plugins=self.plugins(chosen["plugins"]) if "plugins" in chosen else (),
            input=self.input(chosen),
            repeat=repeat,
            time_limit=matrix.time_limit,
            is_restored=matrix.is_restored,
        )
        told = read.value if read is not None else None
        return PlannedRun(task, matrix.name, guest.value, matrix.labels, matrix.expect, told)

    def restored(self, snapshot: AxisValue, given: Mapping[str, Any]) -> Config:
        """The Config of a run from a snapshot; CampaignFileError if that is none."""
        try:
            return inherit(self.directory / snapshot.value, given)
        except (SnapshotError, OptionError) as error:
            raise snapshot.node.wrong(str(error)) from error

    def input(self, chosen: Mapping[str, AxisValue]) -> File | None:
        """What the guest reads from its console, if it is given something."""
        if "input" in chosen:
            return self.file(chosen["input"].value)
        if "type" not in chosen:
            return None
        content = chosen["type"].value.encode()
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        return File(str(self.directory / "typed" / digest), digest)

    def file(self, name: str) -> File:
        """Read a file, and remember its content."""
        path = (self.directory / name).absolute()
        if path not in self.files:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            self.contents[digest] = content
            self.files[path] = File(str(path), digest)
        return self.files[path]

    def check_guest(self, guest: AxisValue, memory: int, symbols: Mapping[str, AxisValue]) -> None:
        """Find out now what each run would refuse."""
        name: str = guest.value
        if (name, memory) not in self.images:
            self.images[name, memory] = load_image(guest.node, self.directory / name, memory)
        for symbol, choice in symbols.items():
            try:
                settable(self.images[name, memory], symbol)
            except GuestFileError as error:
                wrong = f"{error.path}: {error.wrong.removeprefix(f'--set {symbol}: ')}"
                raise choice.node.wrong(wrong, error.expected) from error

    def plugins(self, choice: AxisValue) -> tuple[PluginUse, ...]:
        """Load the plugins of a set, so that a wrong option is known now."""
        specs: tuple[str, ...] = choice.value
        if specs not in self.uses:
            try:
                self.uses[specs] = tuple(self.plugin(spec) for spec in specs)
                load_plugins(use.spec(None) for use in self.uses[specs])
            except PluginError as error:
                raise choice.node.wrong(f"plugin {error.plugin}: {error.wrong}") from error
        return self.uses[specs]

    def plugin(self, text: str) -> PluginUse:
        """Find a plugin; a path is relative to the campaign file."""
        spec = parse_spec(text)
        target = spec.target
        if "/" in target or target.endswith(".py"):
            target = str((self.directory / Path(target).expanduser()).absolute())
        source = find_plugin(target)
        file = self.plugin_file(source.name, source.path) if source.path is not None else None
        digest = file.key if file else hashlib.sha256(source.file().read_bytes()).hexdigest()
        return PluginUse(text, source.name, target, spec.values, digest, file)

    def plugin_file(self, name: str, path: Path) -> File:
        """Read a plugin's file, with those that it may import from beside it; PluginError."""
        try:
            own, *beside = map(self.file, map(str, files_of(path)))
        except OSError as error:
            raise PluginError(name, f"{error.filename}: {error.strerror}") from error
        return replace(own, beside=tuple(beside))


def load_image(node: TomlNode, path: Path, memory: int) -> GuestImage:
    """Read a guest; CampaignFileError if it is none."""
    try:
        board = board_named(DEFAULT_BOARD)
        image = load_guest(path, board.ram_base, memory)
        check_device_symbols(image, board)
    except GuestFileError as error:
        raise node.wrong(f"{error.path}: {error.wrong}", error.expected) from error
    return image


def title_of(
    matrix: Matrix, chosen: Mapping[str, AxisValue], several: set[str], repeat: int
) -> str:
    """Say what a run is: its matrix, its guest, and what it has that others of the matrix lack."""
    guest = Path(chosen["guests"].value)
    same = [choice for choice in matrix.axes["guests"] if Path(choice.value).stem == guest.stem]
    parts = [f"{matrix.name}: {guest.stem if len(same) == 1 else guest}"]
    for key, choice in chosen.items():
        if key in several and key == "plugins":
            parts.append(f"plugins={'+'.join(choice.value) or 'none'}")
        elif key in several and key == "type":
            parts.append(f"type={choice.value!r}")
        elif key in several and key != "guests":
            parts.append(f"{key.removeprefix('set.')}={choice.node.value}")
    if matrix.repeats > 1:
        parts.append(f"#{repeat}")
    return " ".join(parts)
