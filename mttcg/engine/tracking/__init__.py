"""Stores to code: pages that vCPUs fetch from are write-protected, so that a change is noticed.

What is shared by all vCPUs is in `layout.py`, what runs natively in `native.py`, and what one
vCPU's process has of both in `tracking.py`. `docs/memory-model.md` says why no store is missed.
"""
