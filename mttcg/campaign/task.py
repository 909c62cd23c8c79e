"""One run of a campaign, as whoever executes it needs it: plain data that can travel."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mttcg.version import VERSION

SETTINGS = (
    "smp",
    "memory",
    "code_cache",
    "engine",
    "tiers",
    "deterministic",
    "quantum",
    "seed",
    "symbols_set",
    "pin",
    "policies",
    "shards",
    "stall_limit",
    "stop_on_trap_loop",
)
"""Fields of Config that a run of a campaign has."""
KEY_DIGITS = 32
"""Hexadecimal digits of a run's key: 128 bits."""


@dataclass(frozen=True)
class File:
    """A file by its content: where it was when the campaign was planned, and its SHA-256.

    `beside` are those that it needs in its folder, or below: the modules that a plugin imports.
    """

    path: str
    digest: str
    beside: tuple["File", ...] = ()

    @property
    def folder(self) -> Path:
        """Where it was."""
        return Path(self.path).parent

    @property
    def all(self) -> tuple["File", ...]:
        """It, and those beside it."""
        return (self, *self.beside)

    @property
    def key(self) -> str:
        """What tells it from others: the SHA-256 of its content, and of those beside it."""
        if not self.beside:
            return self.digest
        places = [[str(Path(f.path).relative_to(self.folder)), f.digest] for f in self.all]
        return hashlib.sha256(json.dumps(places).encode()).hexdigest()

    @property
    def name(self) -> str:
        """Its name without folders."""
        return Path(self.path).name


@dataclass(frozen=True)
class PluginUse:
    """A plugin of a run: its spec as written, its name, name or path in the spec, and options.

    `file` is None for a plugin that is found by name, which whoever executes has to have installed;
    `digest` is that of its source in either case, with what is beside its file.
    """

    text: str
    name: str
    target: str
    options: Mapping[str, str]
    digest: str
    file: File | None

    def spec(self, path: Path | None) -> str:
        """Give the spec for a run; `path`: where the plugin's file is there."""
        target = self.target if path is None else str(path)
        parts = [target, *(f"{name}={value}" for name, value in self.options.items())]
        return ",".join(part.replace(",", ",,") for part in parts)


@dataclass(frozen=True)
class Task:
    """What to run; `settings` are values of Config's fields, all those in `SETTINGS`.

    `guest` is a snapshot if the run goes on from one. `repeat` tells apart runs that are to be the
    same, from 1. `time_limit` in seconds, 0 for none.
    """

    title: str
    guest: File
    settings: Mapping[str, Any]
    plugins: tuple[PluginUse, ...] = ()
    input: File | None = None
    repeat: int = 1
    time_limit: float = 0.0
    is_restored: bool = False
    version: str = VERSION
    key: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Make the key: what has the same content and settings has the same one."""
        content = {
            "version": self.version,
            "guest": self.guest.digest,
            "settings": self.settings,
            "plugins": [[use.name, dict(use.options), use.digest] for use in self.plugins],
            "input": self.input and self.input.digest,
            "repeat": self.repeat,
        }
        text = json.dumps(content, sort_keys=True, default=dict)
        digest = hashlib.sha256(text.encode()).hexdigest()
        object.__setattr__(self, "key", digest[:KEY_DIGITS])

    @property
    def smp(self) -> int:
        """Its vCPUs."""
        return int(self.settings["smp"])

    @property
    def files(self) -> tuple[File, ...]:
        """All files that it needs."""
        own = [self.guest, *([self.input] if self.input else [])]
        return (*own, *(use.file for use in self.plugins if use.file is not None))


def arguments_of(task: Task, paths: Mapping[str, Path], result: Path) -> list[str]:
    """Give the arguments of `mttcg` for a task.

    paths: where each of its files is, by key; result: the file for --json.
    """
    return [
        "run",
        *(["--from"] if task.is_restored else []),
        str(paths[task.guest.digest]),
        *setting_arguments(task.settings),
        *several(
            "--plugin",
            (use.spec(paths[use.file.key] if use.file else None) for use in task.plugins),
        ),
        "--quiet",
        f"--json={result}",
    ]


def setting_arguments(settings: Mapping[str, Any]) -> list[str]:
    """Give settings as options of `mttcg run`."""
    found: list[str] = []
    for name, value in settings.items():
        if name in SWITCHES:
            found += [f"--{name.replace('_', '-')}"] if value else []
        elif name in BY_NAME:
            option, pair = BY_NAME[name]
            found += several(option, (pair.format(*item) for item in value.items()))
        elif value is not None:
            found.append(f"--{name.replace('_', '-')}={value}")
    return found


SWITCHES = ("pin", "stop_on_trap_loop", "deterministic")
"""Settings whose option has no value."""
BY_NAME = {
    "symbols_set": ("--set", "{}={}"),
    "policies": ("--policy", "{}={}"),
    "shards": ("--shards", "{}={}"),
}
"""Settings that are tables: the option, and how it is given one pair."""


def several(option: str, values: Iterable[str]) -> list[str]:
    """Give an option once for each value."""
    return [f"{option}={value}" for value in values]
