"""A plugin's second half, its class `Aggregator`: what it has to be, and what it refuses.

The vCPU host asks it before a run starts anything, as it asks `plugin_init` of the first half;
`mttcg subscribe` and `mttcg replay`, which have no first half, before they consume anything.
"""

import inspect
from typing import TYPE_CHECKING

from mttcg.errors import PluginError, UserError
from mttcg.instrument.api.signature import wrong_arguments
from mttcg.instrument.loading.loader import Plugin, describe_failure

if TYPE_CHECKING:
    from mttcg_bus.run_info import RunInfo
    from mttcg_bus.subscriber.aggregator import Aggregator

EXPECTED = ("consume", "report")
"""Methods that every aggregator has of its own."""
METHODS = ("__init__", "check", "begin", "lost", "end", "merge", "save", *EXPECTED)
"""Those that are called."""


def aggregator_of(plugin: Plugin) -> "type[Aggregator]":
    """Give the plugin's aggregator; PluginError if it has none."""
    found = plugin.aggregator
    if found is None:
        wrong = "it has no class Aggregator; expected a plugin that aggregates what it records"
        raise PluginError(plugin.name, wrong)
    from mttcg_bus.subscriber.aggregator import Aggregator

    if not issubclass(found, Aggregator):
        wrong = "its Aggregator is of another kind; expected one derived from mttcg_bus.Aggregator"
        raise PluginError(plugin.name, wrong)
    for name in METHODS:
        own, base = getattr(found, name), getattr(Aggregator, name)
        expected = list(inspect.signature(base).parameters)
        if own is base and name in EXPECTED:
            wrong = f"its Aggregator has no {name}; expected {name}({', '.join(expected)})"
            raise PluginError(plugin.name, wrong)
        if wrong := wrong_arguments(own, expected):
            raise PluginError(plugin.name, f"its Aggregator's {name} {wrong}")
    return found


def make_aggregator(plugin: Plugin, run: "RunInfo") -> "Aggregator":
    """Make the plugin's aggregator for a run; PluginError if it has none, or a broken one."""
    made = aggregator_of(plugin)(plugin.options, run)
    if not hasattr(made, "gaps"):
        wrong = "its Aggregator's __init__ does not call super().__init__(options, run)"
        raise PluginError(plugin.name, f"{wrong}; expected it to, first")
    return made


def checks_options(plugin: Plugin) -> bool:
    """Whether the plugin's aggregator has options to refuse, by a `check` of its own."""
    from mttcg_bus.subscriber.aggregator import Aggregator

    defined = next(cls for cls in aggregator_of(plugin).__mro__ if "check" in vars(cls))
    return defined is not Aggregator


def check_aggregator(plugin: Plugin, run: "RunInfo") -> None:
    """Let the plugin's aggregator refuse its options for a run; PluginError if it does."""
    try:
        aggregator_of(plugin).check(plugin.options, run)
    except PluginError:
        raise
    except UserError as error:
        raise PluginError(plugin.name, str(error)) from error
    except Exception as error:
        file = getattr(plugin.module, "__file__", None) or ""
        wrong = f"Aggregator.check raised {describe_failure(error, file)}"
        raise PluginError(plugin.name, wrong) from error
