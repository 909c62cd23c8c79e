"""Feeding an aggregator with records: alone or in shards that are merged, and its report."""
