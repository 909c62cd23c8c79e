"""Where the sources are: the guests that are run are examples of theirs, and not installed."""

import os
from pathlib import Path

from mttcg_bench.errors import NoCheckout

ROOT = Path(__file__).resolve().parents[2]
GUESTS = ROOT / "examples" / "guests"
PEERS = ROOT / ".peers"
"""What `make bench-peers` installs."""


def check_checkout() -> None:
    """Raise NoCheckout unless this package lies in a tree of sources that has the guests."""
    if not GUESTS.joinpath("mix.elf").is_file():
        raise NoCheckout


def in_checkout(path: Path) -> str:
    """A file of ours, as the programs that are started there are to name it."""
    return os.path.relpath(path, ROOT)
