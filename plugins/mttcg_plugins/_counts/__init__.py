"""Counts in tables that grow, for aggregators: native code per record, numpy per batch."""
