"""Private caches of vCPUs over a shared last level, record by record."""
