"""A plugin that refuses every run."""


def plugin_init(_options: None) -> bool:
    """Refuse."""
    return False
