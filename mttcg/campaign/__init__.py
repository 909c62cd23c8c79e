"""Campaigns: many runs from one file, here or on a Dask cluster, and one table of what they did."""
