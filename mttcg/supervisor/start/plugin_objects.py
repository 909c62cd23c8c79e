"""Plugins that a script has at hand: modules and functions, as specs that other processes can load.

A run's processes are new interpreters, so what a script gives them travels as a file: a module's
own, or one that is written for a function. The function is in it by value, with what it uses of its
script, as cloudpickle does it; so it may be that of a notebook.
"""

import inspect
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from mttcg.errors import OptionError

EXPECTED = "a spec, a module, a function, or one of these and a dict of its options"
SOURCE = '''"""{doc}"""
import pickle
import sys

sys.path += [place for place in {places!r} if place not in sys.path]
function = pickle.loads({content!r})
# callbacks have a name here, by which they can be attached on other vCPUs
globals().update((k, v) for k, v in function.__globals__.items() if not k.startswith("__"))


def plugin_init(options):
    return function({arguments})
'''


class PluginFiles:
    """Files of the functions that are plugins; they are there as long as this is."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def specs(self, plugins: Iterable[Any]) -> tuple[str, ...]:
        """The specs of plugins; OptionError for what can be none."""
        if isinstance(plugins, str) or not isinstance(plugins, Iterable):
            raise OptionError("plugins", f"{plugins!r} is no list", f"a list of: {EXPECTED}")
        return tuple(self.spec(plugin) for plugin in plugins)

    def spec(self, plugin: Any) -> str:
        """The spec of a spec, a path, a module, a function, or a pair of one and its options."""
        if isinstance(plugin, str):
            return plugin
        if isinstance(plugin, tuple) and len(plugin) == 2 and isinstance(plugin[1], Mapping):
            given = {key: value for key, value in plugin[1].items() if value is not None}
            options = (f"{key}={value}" for key, value in given.items())
            return ",".join([self.spec(plugin[0]), *map(with_commas, options)])
        if isinstance(plugin, Path):
            return with_commas(str(plugin.absolute()))
        if isinstance(plugin, ModuleType):
            return with_commas(file_of(plugin))
        if isinstance(plugin, FunctionType):
            return with_commas(str(self._write(plugin)))
        raise OptionError("plugins", f"{plugin!r} is none", EXPECTED)

    def _write(self, function: FunctionType) -> Path:
        """Write the file of a function."""
        name = function.__name__
        if not name.isidentifier():
            raise OptionError("plugins", f"{name} has no name", "a function made by def")
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="mttcg-plugins-"))
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        doc = (inspect.getdoc(function) or f"The function {name} of a script.").splitlines()[0]
        path = self.folder / f"{name}.py"
        text = SOURCE.format(
            doc=doc.replace("\\", "").replace('"', "'"),
            places=[str(Path(place).absolute()) for place in sys.path],
            content=pickled(function),
            arguments="options" if inspect.signature(function).parameters else "",
        )
        path.write_text(text, encoding="utf-8")
        return path


def with_commas(text: str) -> str:
    """Write text so that it is one part of a spec."""
    return text.replace(",", ",,")


def file_of(module: ModuleType) -> str:
    """The path by which a module's plugin is loaded, a folder for a package; OptionError."""
    file = getattr(module, "__file__", None)
    if not file:
        wrong = f"module {module.__name__} has no file"
        raise OptionError("plugins", wrong, "a module that was imported from one")
    path = Path(file).absolute()
    return str(path.parent if path.name == "__init__.py" else path)


def pickled(function: FunctionType) -> bytes:
    """A function by value, with what it uses of its module; OptionError if that can't be."""
    import cloudpickle  # few scripts need it

    module = sys.modules.get(function.__module__)
    imported = module is not None and module.__name__ != "__main__"
    try:
        if imported:
            cloudpickle.register_pickle_by_value(module)
        try:
            return bytes(cloudpickle.dumps(function))
        finally:
            if imported:
                cloudpickle.unregister_pickle_by_value(module)
    except Exception as error:  # pickle lets through whatever an object raises
        wrong = f"{function.__name__} uses what can't go to another process: {error}"
        raise OptionError("plugins", " ".join(wrong.split()), "numbers, text, functions") from error
