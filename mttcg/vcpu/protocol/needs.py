"""What plugins need of the supervisor, as the vCPU host tells it."""

from typing import Any, TypeAlias

from mttcg.vcpu.protocol.typed_value import TypedValue

Place: TypeAlias = tuple[str, str]
"""A plugin, and the name of something of it."""


def place_of(name: str) -> Place:
    """The plugin and the rest of the name of a stream."""
    plugin, _, rest = name.partition(".")
    return plugin, rest


class NeededScoreboard(TypedValue):
    """A scoreboard, of so many words for each vCPU; kind: "" for one that is in no report."""

    plugin: str
    name: str
    kind: str
    words: int


class NeededTable(TypedValue):
    """A block table: the scoreboard of that name, whose records go out by a stream at the end."""

    plugin: str
    name: str
    stream: str


class LoadedPlugin(TypedValue):
    """A plugin; spec: as the user gave it. in_shards: whether it can be aggregated by several."""

    name: str
    spec: str
    aggregator: bool
    in_shards: bool


class Needs(TypedValue):
    """What plugins declared, and the supervisor makes; streams: StreamSpecs, plain."""

    streams: tuple[dict[str, Any], ...] = ()
    scoreboards: tuple[NeededScoreboard, ...] = ()
    tables: tuple[NeededTable, ...] = ()
    plugins: tuple[LoadedPlugin, ...] = ()

    def plus(self, other: "Needs") -> "Needs":
        """Both together."""
        return Needs(
            self.streams + other.streams,
            self.scoreboards + other.scoreboards,
            self.tables + other.tables,
            self.plugins + other.plugins,
        )

    def without(self, plugin: str) -> "Needs":
        """What is left without a plugin."""
        return Needs(
            tuple(s for s in self.streams if place_of(s["name"])[0] != plugin),
            tuple(scoreboard for scoreboard in self.scoreboards if scoreboard.plugin != plugin),
            tuple(table for table in self.tables if table.plugin != plugin),
            tuple(each for each in self.plugins if each.name != plugin),
        )
