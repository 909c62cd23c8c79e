"""Snapshots of a machine: the file that has one, and what is in it."""
