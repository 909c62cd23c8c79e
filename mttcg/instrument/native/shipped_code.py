"""Native code that came with the package, so that nothing is compiled at first use.

A wheel has it for all processors of one level. It is found by the name of what would be made, which
has a digest of the sources: changed sources do not find it.
"""

from functools import cache
from pathlib import Path

from mttcg.instrument.native.native_host import LEVEL, is_of_level, made_for

FOLDER = Path(__file__).parents[2] / "native" / "shipped"


def shipped_file(name: str) -> Path | None:
    """Where what is kept under a name may be; None if this processor, or package, has none."""
    return FOLDER / name.replace(made_for(), LEVEL) if _is_usable() else None


@cache
def _is_usable() -> bool:
    return FOLDER.is_dir() and is_of_level()
