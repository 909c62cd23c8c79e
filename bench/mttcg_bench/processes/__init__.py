"""Processes that tools start, each by `python -m bench.processes.NAME`."""
