"""Which version of the plugin API this is, and which versions plugins may be written for."""

from types import ModuleType

from mttcg.errors import PluginError

API_VERSION = 1
"""Grows with each change that a plugin can tell; CHANGELOG has them under "API"."""
OLDEST_API_VERSION = 1
"""The oldest one whose plugins still work."""


def check_api_version(plugin: str, module: ModuleType) -> None:
    """Refuse a plugin that states, as its `API_VERSION`, another version than those that work.

    Raises PluginError with both numbers. A plugin that states none is taken as it is.
    """
    stated = getattr(module, "API_VERSION", None)
    if stated is None:
        return
    if type(stated) is not int:
        raise PluginError(plugin, f"its API_VERSION is {stated!r}; expected a whole number")
    if not OLDEST_API_VERSION <= stated <= API_VERSION:
        raise PluginError(
            plugin,
            f"it is for version {stated} of the plugin API; "
            f"expected {OLDEST_API_VERSION} to {API_VERSION}, which this mttcg has",
        )
