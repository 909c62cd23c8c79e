"""Firmware that is the host's: it answers the calls of a guest that runs below it."""
