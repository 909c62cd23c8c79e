"""The terminal that a guest's console may be: output, keys, window, Ctrl-C."""
