"""Native functions: what operations call, how they are compiled, and where they are kept."""
