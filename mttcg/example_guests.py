"""Where the example guests are: in a tree of the sources, or installed beside mttcg."""

from importlib.util import find_spec
from pathlib import Path

from mttcg.errors import UserError

SOURCES = Path(__file__).resolve().parents[1] / "examples" / "guests"
INSTALLED = "mttcg_guests"
"""The package of files that a wheel has them in."""
DEMO = "counter.elf"


class NoExampleGuestsError(UserError):
    """There are none, as somebody has installed a part of the distribution."""

    def __init__(self) -> None:
        super().__init__("there are no example guests; expected them in an installation of mttcg")


def example_guests() -> Path:
    """The folder that has them; raises NoExampleGuestsError."""
    installed = find_spec(INSTALLED)
    places = list(installed.submodule_search_locations or ()) if installed is not None else []
    for folder in (SOURCES, *map(Path, places)):
        if folder.joinpath(DEMO).is_file():
            return folder
    raise NoExampleGuestsError
