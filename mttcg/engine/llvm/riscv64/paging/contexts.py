"""The contexts in which a hart makes accesses, each with a table of rows of its own."""

from enum import IntEnum

from mttcg.engine.llvm.address_rows import DATA_TABLE_BYTES, FETCH_TABLE_BYTES


class DataContext(IntEnum):
    """The number of the first table for data."""

    MACHINE = 0
    LOWER = 1  # a lower level, without translation
    USER = 2  # one more if executable pages may be read
    SUPERVISOR = 4  # the same, and two more if it has access to pages of a user
    COUNT = 8


class FetchContext(IntEnum):
    """The number of the table for fetches."""

    MACHINE = 0
    LOWER = 1
    USER = 2
    SUPERVISOR = 3
    COUNT = 4


FETCH_TABLES = DataContext.COUNT * DATA_TABLE_BYTES
"""Byte offset of the tables for fetches, which are behind those for data."""
TABLES_BYTES = FETCH_TABLES + FetchContext.COUNT * FETCH_TABLE_BYTES
