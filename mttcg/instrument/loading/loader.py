"""Find plugins by name or path, and load them with their options.

Names are the modules of the package `mttcg_plugins` and the entry points of the group
`mttcg.plugins` (`name = "package.module"`). A target with a slash, or that ends in `.py`, is the
path of a Python file, or of a package's folder; `plugin_modules` says what such a plugin imports.
"""

import ast
import importlib
import importlib.util
import pkgutil
import re
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mttcg.errors import PluginError
from mttcg.instrument.api.api_version import check_api_version
from mttcg.instrument.api.options import PluginSpec, build_options, parse_spec
from mttcg.instrument.loading import plugin_modules
from mttcg.instrument.loading.plugin_modules import PACKAGE_FILE, load_file

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PACKAGE = "mttcg_plugins"
BUS_PACKAGE = "mttcg_bus"
ENTRY_POINT_GROUP = "mttcg.plugins"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a plugin may be called: its name starts the names of its streams, `<plugin>.<event>`."""


@dataclass(frozen=True)
class PluginSource:
    """Where a plugin is, before it is loaded.

    `module` is the name it is imported by, or is to get when it is a file at `path`; `origin` says
    in words where it was found.
    """

    name: str
    module: str
    origin: str
    path: Path | None = None

    def purpose(self) -> str:
        """Read the first line of the plugin's docstring from its file, without running it."""
        try:
            return first_line(ast.get_docstring(ast.parse(self.file().read_bytes())))
        except Exception as error:
            # a listing shows what is there, also when one of them is broken
            return f"(cannot be read: {type(error).__name__})"

    def file(self) -> Path:
        """Find the plugin's file; ImportError when its module is not there."""
        if self.path is not None:
            return self.path
        found = importlib.util.find_spec(self.module)
        if found is None or found.origin is None:
            raise ImportError(f"no module {self.module}")
        return Path(found.origin)


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin: `options` is an instance of its module's `Options`, None if it has none.

    `epoch`: the change with which it was loaded; 0 if it was there at the start.
    """

    name: str
    spec: PluginSpec
    module: ModuleType
    options: Any
    epoch: int = 0

    @property
    def aggregator(self) -> type[Any] | None:
        """The plugin's class `Aggregator`; PluginError if it is no class.

        None if the module has none, or only the base class of that name from the bus.
        """
        found = getattr(self.module, "Aggregator", None)
        if found is not None and not isinstance(found, type):
            raise PluginError(self.name, "its Aggregator is not a class; expected one")
        is_base = found is not None and found.__module__.startswith(f"{BUS_PACKAGE}.")
        return None if is_base else found


def first_line(docstring: str | None) -> str:
    """Give the first line of a docstring, empty if there is none."""
    return (docstring or "").strip().partition("\n")[0].strip()


def all_plugins() -> tuple[PluginSource, ...]:
    """List every plugin that has a name: those of this project first, each group sorted."""
    return (*project_plugins(), *entry_point_plugins())


def project_plugins() -> Iterable[PluginSource]:
    """List the modules of the package `mttcg_plugins`; those with a leading `_` are no plugins."""
    package = importlib.util.find_spec(PACKAGE)
    places = package.submodule_search_locations if package is not None else None
    names = sorted(module.name for module in pkgutil.iter_modules(places or []))
    return [
        PluginSource(name, f"{PACKAGE}.{name}", PACKAGE)
        for name in names
        if not name.startswith("_")
    ]


def entry_point_plugins() -> Iterable[PluginSource]:
    """List the plugins that installed packages announce as entry points."""
    from importlib.metadata import entry_points  # takes long to load, and most runs need none

    points = entry_points(group=ENTRY_POINT_GROUP)
    return [
        PluginSource(point.name, point.value, f"entry point of {distribution_name(point)}")
        for point in sorted(points, key=lambda point: point.name)
    ]


def distribution_name(point: "EntryPoint") -> str:
    """Name the installed package that an entry point came from."""
    return point.dist.name if point.dist is not None else point.value


def find_plugin(target: str) -> PluginSource:
    """Find a plugin by name or path.

    Raises PluginError for an unknown name (with the known ones), a name that two packages give, and
    a path that is no Python file.
    """
    if "/" in target or target.endswith(".py"):
        return find_file(target)
    known = all_plugins()
    found = [source for source in known if source.name == target]
    if not found:
        names = ", ".join(sorted({source.name for source in known})) or "none"
        expected = f"unknown; known are: {names}; a file is named by a path with / or ending in .py"
        raise PluginError(target, expected)
    if len(found) > 1:
        origins = " and ".join(source.origin for source in found)
        raise PluginError(target, f"is there twice, from {origins}; expected one of that name")
    return found[0]


def find_file(target: str) -> PluginSource:
    """Find the Python file, or package, at a path; PluginError if there is neither."""
    try:
        path = Path(target).expanduser().absolute()
        if (path / PACKAGE_FILE).is_file():
            path = path / PACKAGE_FILE
        is_directory, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise PluginError(target, f"is no path: {error}; expected a Python file") from error
    if is_directory:
        wrong = f"is a directory without {PACKAGE_FILE}; expected a Python file, or a package"
        raise PluginError(target, wrong)
    if not is_file:
        raise PluginError(target, "there is no such file; expected a Python file")
    if path.suffix != ".py":
        raise PluginError(target, "is not a Python file; expected a name that ends in .py")
    name = path.parent.name if path.name == PACKAGE_FILE else path.stem
    if not NAME.fullmatch(name):
        raise PluginError(
            target, f"the name {name!r} has other than 1 to 64 letters, digits, _ and -"
        )
    return PluginSource(name, f"mttcg_plugin_{name.replace('-', '_')}", target, path)


def load_plugin(spec: PluginSpec | str) -> Plugin:
    """Find a plugin, import it and build its options.

    A plugin that has a name is imported once and shared; one at a path is run anew each time, with
    what it imports from beside it, so that its state is that of this run, and stands in sys.modules
    as `mttcg_plugin_<name>`. Raises PluginError for everything that is wrong with the spec, the
    plugin or its options.
    """
    spec = parse_spec(spec) if isinstance(spec, str) else spec
    source = find_plugin(spec.target)
    module = import_source(source)
    check_api_version(source.name, module)
    options_class = getattr(module, "Options", None)
    if options_class is not None:
        options = build_options(options_class, spec.values, source.name)
        return Plugin(source.name, spec, module, options)
    if spec.values:
        given = ", ".join(spec.values)
        raise PluginError(source.name, f"unknown option {given}; it takes none")
    return Plugin(source.name, spec, module, None)


def load_plugins(specs: Iterable[PluginSpec | str]) -> tuple[Plugin, ...]:
    """Load several plugins in order; PluginError also if two have the same name."""
    parsed = [parse_spec(spec) if isinstance(spec, str) else spec for spec in specs]
    names: set[str] = set()
    for spec in parsed:
        name = find_plugin(spec.target).name
        if name in names:
            raise PluginError(name, "is given twice; expected each plugin once")
        names.add(name)
    return tuple(load_plugin(spec) for spec in parsed)


def import_source(source: PluginSource) -> ModuleType:
    """Import a plugin's module; whatever goes wrong becomes one PluginError line with its place."""
    try:
        if source.path is not None:
            return load_file(source.module, source.path)
        return importlib.import_module(source.module)
    # SystemExit: a module that ends the process when imported is as broken as one that raises
    except (Exception, SystemExit) as error:
        wrong = f"importing it fails: {describe_failure(error, own_file(source))}"
        raise PluginError(source.name, wrong) from error


def own_file(source: PluginSource) -> str:
    """Give the path of a plugin's file as tracebacks name it, empty if it cannot be found."""
    try:
        return str(source.file())
    except (ImportError, ValueError):
        return ""


def describe_failure(error: BaseException, own: str) -> str:
    """Say in one line what an import raised and where: `Type: message (file:line)`.

    The place is the last line on the way that is in the plugin's `own` file, or in one beside it,
    else where it was raised.
    """
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    outside = [
        frame
        for frame in frames
        if frame.filename not in (__file__, plugin_modules.__file__)
        and not frame.filename.startswith("<frozen")
        and frame.filename != importlib.__file__
    ]
    folder = Path(own).parent if own else None
    candidates = [each for each in outside if Path(each.filename).parent == folder] or outside
    place = f" ({candidates[-1].filename}:{candidates[-1].lineno})" if candidates else ""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}{place}"
