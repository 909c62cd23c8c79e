"""Devices, one file each; interrupt controllers are in `mttcg.hardware.interrupts`.

A device knows offsets, not addresses. Its instances are inherited by every vCPU process through
fork, so what the harts share lives in shared-memory buffers given to the constructor, and what a
device does to the outside goes through callables given to the constructor.
"""
