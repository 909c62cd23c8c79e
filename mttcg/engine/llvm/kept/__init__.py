"""Optimised code that is kept from run to run: its files, and how a later run uses it."""
