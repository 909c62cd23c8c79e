"""Native code: what numba lacks words for, over the memory that all processes share."""
