"""Benchmarks: `mttcg bench`. Cases are data, in cases/; ../SPEC.md names the claims.

They run from a checkout of the sources, whose example guests they need.
"""
