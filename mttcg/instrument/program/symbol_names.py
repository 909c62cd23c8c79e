"""Names of symbols as their authors wrote them: those of C++ and Rust are mangled in the file.

Itanium C++ ABI 5.1 (`_Z`), Rust RFC 2603 (`_R`); Rust's older names are in the form of C++.
"""

PREFIXES = ("_Z", "_R", "__Z", "__R")


def readable_name(symbol: str) -> str:
    """The name of a symbol, demangled if it is mangled."""
    if not symbol.startswith(PREFIXES):
        return symbol
    from pydemumble import demangle  # most guests are written in C

    found: str = demangle(symbol)
    return found or symbol
