"""Files that plugins write."""
