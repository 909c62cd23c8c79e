"""Streams in a file, and as tables for other programs."""
