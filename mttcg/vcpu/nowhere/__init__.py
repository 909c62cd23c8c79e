"""Noticing that a hart gets nowhere."""
