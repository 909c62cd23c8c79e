"""Where the sources are, or what of them is installed; the guests that are run are examples."""

import os
from pathlib import Path

from mttcg.example_guests import example_guests

PACKAGE = Path(__file__).resolve().parent
SOURCES = PACKAGE.parents[1]
IS_CHECKOUT = SOURCES.joinpath("pyproject.toml").is_file()
ROOT = SOURCES if IS_CHECKOUT else PACKAGE.parent
"""The root of the sources, or the folder that the packages are installed in."""
GUESTS = example_guests()
PEERS = ROOT / ".peers" if IS_CHECKOUT else Path.home() / ".cache" / "mttcg" / "peers"
"""What `make bench-peers` installs."""


def below_root(path: Path) -> str:
    """A file of ours, as the programs that are started at the root are to name it."""
    return os.path.relpath(path, ROOT)
