"""A run that is debugged."""
