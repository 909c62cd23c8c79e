"""Takes no options and aggregates nothing."""
