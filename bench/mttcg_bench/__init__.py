"""Benchmarks: `python -m bench [CASE...]`. Cases are data, see cases.py; SPEC.md names the claims.

Runs from the root of the source tree; not part of what is installed.
"""
