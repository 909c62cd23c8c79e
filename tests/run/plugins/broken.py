"""A plugin that raises while it is loaded."""

NOTHING = 1 // 0
