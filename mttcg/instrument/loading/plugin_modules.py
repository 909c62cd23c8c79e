"""The modules of a plugin that is a file or a folder: its own one, and those beside it.

A plugin is loaded as the module NAME, and what lies in its folder as NAME.module, however it is
imported. So plugins that have modules of the same name each get their own, and what one of them
imports is nobody else's. The standard library and mttcg come before what is in the folder.
"""

import ast
import builtins
import hashlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

OURS = {"mttcg", "mttcg_bus", "mttcg_plugins"}
PACKAGE_FILE = "__init__.py"


class PluginLoader(SourceFileLoader):
    """Runs a plugin's file as it is now, never from cached byte code.

    Args:
        name, path: of the module.
        plugin: whose it is; what the file imports is looked for there.
    """

    def __init__(self, name: str, path: str, plugin: "PluginModules") -> None:
        super().__init__(name, path)
        self.plugin = plugin

    def get_code(self, fullname: str) -> CodeType:
        """Compile the file."""
        source = self.get_data(self.path)
        self.plugin.sources[self.path] = source
        return self.source_to_code(source, self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the file, with an import statement that finds what is beside the plugin."""
        own = {**vars(builtins), "__import__": self.plugin.import_module}
        module.__dict__["__builtins__"] = own
        exec(self.get_code(module.__name__), module.__dict__)


class PluginModules:
    """What a plugin's import statements find.

    Args:
        name: what the plugin's own module is called in sys.modules.
        path: its file; PACKAGE_FILE for a plugin that is a folder.

    Attributes:
        sources: of the files that were run, by path.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        self.is_package = path.name == PACKAGE_FILE
        self.own_name = path.parent.name if self.is_package else path.stem
        self.known: dict[str, bool] = {}
        self.sources: dict[str, bytes] = {}

    def loader(self) -> PluginLoader:
        """What runs the plugin's own file."""
        return PluginLoader(self.name, str(self.path), self)

    def spec(self, loader: PluginLoader) -> ModuleSpec:
        """The spec of the plugin's own module; what is beside it is within it."""
        spec = ModuleSpec(self.name, loader, origin=str(self.path), is_package=True)
        spec.submodule_search_locations = [str(self.path.parent)]
        spec.has_location = True
        return spec

    def find(self, name: str, folders: Sequence[str]) -> ModuleSpec | None:
        """The spec of a module of the plugin's, None if there is none in the folders."""
        loader: Any = partial(PluginLoader, plugin=self)
        kinds = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (loader, SOURCE_SUFFIXES))
        for folder in folders:
            found = FileFinder(folder, *kinds).find_spec(name)
            if found is not None:
                return found
        return None

    def has(self, name: str) -> bool:
        """Whether a module that is called so, without dots, is meant to be one of the plugin's."""
        if name not in self.known:
            self.known[name] = self._has(name)
        return self.known[name]

    def _has(self, name: str) -> bool:
        if name in sys.stdlib_module_names or name in OURS:
            return False
        if name == self.own_name:
            others_first = not self.is_package
        else:
            found = self.find(f"{self.name}.{name}", [str(self.path.parent)])
            if found is None:
                return False
            # as everywhere in Python, an absolute name goes out of a package, and a folder that
            # has no PACKAGE_FILE comes last
            others_first = self.is_package or found.loader is None
        return not (others_first and (name in sys.modules or importlib.util.find_spec(name)))

    def import_module(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Be `__import__` of the plugin's modules."""
        first, _, rest = name.partition(".")
        if level or not self.has(first):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        top = self.name if first == self.own_name else f"{self.name}.{first}"
        wanted = f"{top}.{rest}" if rest else top
        plugin = vars(sys.modules[self.name])
        before = {first: plugin[first]} if first in plugin else {}
        try:
            found = builtins.__import__(wanted, globals, locals, fromlist or (), 0)
        finally:
            if not self.is_package:  # what a module is called is no global of the plugin's
                plugin.pop(first, None)
                plugin.update(before)
        return found if fromlist else sys.modules[top]


class PluginFinder:
    """Finds the modules of all plugins that were loaded from files; a finder of sys.meta_path."""

    def __init__(self) -> None:
        self.plugins: dict[str, PluginModules] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module within a plugin, None for what is none of a plugin's."""
        plugin, _, rest = name.partition(".")
        if not rest or path is None or plugin not in self.plugins:
            return None
        return self.plugins[plugin].find(name, path)


FINDER = PluginFinder()


def load_file(name: str, path: Path) -> ModuleType:
    """Run a plugin's file as the module `name`; what it imports from beside it is run anew, too.

    If that fails, the modules that were there before are there again.
    """
    if FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)
    modules = PluginModules(name, path)
    before, found_before = forget_modules(name), FINDER.plugins.get(name)
    FINDER.plugins[name] = modules
    loader = modules.loader()
    module = importlib.util.module_from_spec(modules.spec(loader))
    # dataclasses and typing look a class's module up by name, already while the file runs
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        forget_modules(name)
        sys.modules.update(before)
        if found_before is not None:
            FINDER.plugins[name] = found_before
        raise
    return module


def forget_modules(name: str) -> dict[str, ModuleType]:
    """Take a module, and those within it, out of sys.modules; gives them by name."""
    names = [found for found in sys.modules if is_within(found, name)]
    return {found: sys.modules.pop(found) for found in names}


def is_within(name: str, plugin: str) -> bool:
    """Whether a module is a plugin's, by their names: its own, or one within it."""
    return name == plugin or name.startswith(f"{plugin}.")


def is_of_plugin(name: str) -> bool:
    """Whether a module is that of a plugin that was loaded from a file, or is within one."""
    return name.partition(".")[0] in FINDER.plugins


def beside_digest(name: str) -> str:
    """The state of all files of a plugin that were run; "" if its own one is the only one.

    name: that of the plugin's module, or of one within it.
    """
    plugin = FINDER.plugins.get(name.partition(".")[0])
    if plugin is None or len(plugin.sources) < 2:
        return ""
    digest = hashlib.blake2b(digest_size=8)
    for _, source in sorted(plugin.sources.items()):
        digest.update(hashlib.blake2b(source).digest())
    return digest.hexdigest()


def files_of(path: Path) -> list[Path]:
    """The file of a plugin, first, and those beside it that it may import, in order of path.

    Those that import statements name, at any place of the plugin's files. Of a package, all.
    """
    modules = PluginModules("", path)
    if modules.is_package:
        return [path, *sorted(set(path.parent.rglob("*.py")) - {path})]
    files = [path]
    for file in files:
        for name, relative in sorted(imported_names(file)):
            if relative or modules.has(name):
                found = {path.parent / f"{name}.py", *(path.parent / name).rglob("*.py")}
                files += sorted(each for each in found.difference(files) if each.is_file())
    return [path, *sorted(files[1:])]


def imported_names(file: Path) -> set[tuple[str, bool]]:
    """The first part of each name that a file imports, and whether that is a relative import.

    Nothing of a file that is no Python.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    found: set[tuple[str, bool]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add((node.module, node.level > 0))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            relative = isinstance(node, ast.ImportFrom)
            found |= {(alias.name, relative) for alias in node.names}
    return {(name.partition(".")[0], relative) for name, relative in found}
