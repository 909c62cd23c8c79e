"""Loading plugins for a guest: import, options, plugin_init, and what they declared meanwhile."""

import importlib
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mttcg.errors import PluginError
from mttcg.instrument.api import session
from mttcg.instrument.api.options import parse_spec
from mttcg.instrument.errors import OptionRefusedError, shown
from mttcg.instrument.loading import loader
from mttcg.instrument.loading.loader import Plugin
from mttcg.instrument.loading.plugin_functions import check_functions, check_kernel
from mttcg.instrument.loading.plugin_modules import forget_modules
from mttcg.instrument.loading.second_half import aggregator_of, check_aggregator

if TYPE_CHECKING:
    from mttcg_bus.run_info import RunInfo


def load_plugins(
    declarations: Any, specs: Iterable[str], aggregated: "RunInfo | None" = None
) -> dict[str, Plugin]:
    """Load the plugins and ask both halves of each; PluginError if one refuses or raises.

    Args:
        declarations: a `session.Guest` that takes what they declare and attach.
        specs: name-or-path,key=value,...
        aggregated: the run that is to have their aggregators, None if they are not to be asked.
    """
    session.set_guest(declarations)
    plugins: dict[str, Plugin] = {}
    for spec in specs:
        source = loader.find_plugin(parse_spec(spec).target)
        with session.calling(source.name):
            plugin = loader.load_plugin(spec)
            if plugin.name in plugins:
                raise PluginError(plugin.name, "is given twice; expected it once")
            plugins[plugin.name] = plugin
            check_functions(plugin)
            check_kernel(plugin, declarations.symbols)
            initialise(plugin, loader.own_file(source))
            if plugin.aggregator is not None:
                aggregator_of(plugin)
                if aggregated is not None:
                    check_aggregator(plugin, aggregated)
    return plugins


def load_anew(declarations: Any, spec: str, aggregated: "RunInfo | None" = None) -> Plugin:
    """Load a plugin from its file as it is now, whether it was imported before or not."""
    forget_module(loader.find_plugin(parse_spec(spec).target).module)
    importlib.invalidate_caches()
    (plugin,) = load_plugins(declarations, [spec], aggregated).values()
    return plugin


def forget_module(name: str) -> None:
    """Let the next import of a module, and of those within it, but of no others, run its file."""
    module = forget_modules(name).get(name)
    package, _, last = name.rpartition(".")
    if module is not None and getattr(sys.modules.get(package), last, None) is module:
        delattr(sys.modules[package], last)


def initialise(plugin: Plugin, file: str) -> None:
    """Run a plugin's plugin_init if it has one; `file` is where the plugin's own code is.

    PluginError if it raises, says no, or says nothing where it promises an answer by `-> bool`.
    """
    init = getattr(plugin.module, "plugin_init", None)
    if init is None:
        return
    try:
        accepted = init(plugin.options)
    except OptionRefusedError as error:
        raise PluginError(plugin.name, str(error)) from error
    except (Exception, SystemExit) as error:
        wrong = f"plugin_init raised {loader.describe_failure(error, file)}"
        raise PluginError(plugin.name, wrong) from error
    if accepted is False:
        raise PluginError(plugin.name, "plugin_init returned False; expected it to accept the run")
    promised = getattr(init, "__annotations__", {}).get("return") in (bool, "bool")
    if accepted is not True and (promised or accepted is not None):
        wrong = f"plugin_init returned {shown(accepted)}; expected True, or False to refuse the run"
        raise PluginError(plugin.name, wrong)
