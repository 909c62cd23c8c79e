"""Guests that measure themselves, in C, and what writes the source of one."""
