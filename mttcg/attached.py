"""What options attach to the guest's machine."""

from dataclasses import dataclass
from pathlib import Path

from mttcg.errors import OptionError

EXPECTED = "FILE[,write|,readonly][,format=raw]; a comma in a name is written twice"
OVERLAID, WRITTEN, READ_ONLY = "", "write", "readonly"
"""What becomes of what the guest writes."""


@dataclass(frozen=True)
class Drive:
    """An image file.

    Attributes:
        path: of the file.
        access: "" if what the guest writes is lost at the end, "write" if it goes to the file,
            "readonly" if the guest can't write.
        format: of the file, which is "raw".
    """

    path: Path
    access: str = OVERLAID
    format: str = "raw"


def parse_drive(text: str) -> Drive:
    """Read "FILE[,write|,readonly][,format=raw]"; raises OptionError naming `--drive`."""
    # a doubled comma stands for one; no path has a null byte
    name, *words = text.replace(",,", "\0").split(",")
    access, kind = OVERLAID, "raw"
    for word in words:
        key, _, value = word.partition("=")
        if word in (WRITTEN, READ_ONLY) and access in (OVERLAID, word):
            access = word
        elif key == "format" and value:
            kind = value
        else:
            raise OptionError("--drive", f"{text!r}: {word!r} can't be there", EXPECTED)
    if kind != "raw":
        raise OptionError("--drive", f"{text!r}: format {kind!r} is not known", "format=raw")
    if not name:
        raise OptionError("--drive", f"{text!r} names no file", EXPECTED)
    return Drive(Path(name.replace("\0", ",")), access, kind)
