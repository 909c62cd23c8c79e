"""The machine that all processes share: its state, inputs of harts, transfers of devices."""
