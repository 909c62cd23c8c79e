"""Compare what two revisions make of the example guests' code: python replay.py OLD NEW [options].

Each revision is checked out into a folder of its own and makes its texts by its own `texts.py`; "."
stands for the working tree as it is. Names of values and labels do not count. What differs is
shown, and the exit status is 1 unless all of it is named by `--but`.
"""

import argparse
import difflib
import gzip
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (".", "bus", "plugins", "bench")
ENDING = ".ll.gz"
NAME = re.compile(r"%[\w.]+|^[\w.]+(?=:$)", re.M)
"""A value or label where it is used, and a label where it stands."""
FUNCTION = re.compile(r"^(?=define )", re.M)
LINES_SHOWN = 40


def normalised(text: str) -> str:
    """A text whose values and labels are numbered as they appear, in each function anew."""
    return "".join(_numbered(function) for function in FUNCTION.split(text))


def _numbered(function: str) -> str:
    names: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        name = found[0].removeprefix("%")
        mark = "%" if found[0].startswith("%") else ""
        return mark + names.setdefault(name, f"n{len(names)}")

    return NAME.sub(number, function)


def difference(old: str, new: str) -> list[str]:
    """The lines that differ, as a unified diff; empty if none does but by its names."""
    if old == new:
        return []
    before, after = normalised(old).splitlines(), normalised(new).splitlines()
    if before == after:
        return []
    return list(difflib.unified_diff(before, after, "old", "new", lineterm="", n=2))


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A folder with a revision of the repository."""
    if revision == ".":
        yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="mttcg-replay-") as folder:
        place = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), revision], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def texts_of(revision: str, guests: list[str], directory: Path) -> dict[str, Path]:
    """The files with a revision's texts, by name."""
    directory.mkdir()
    with checked_out(revision) as tree:
        path = os.pathsep.join(str(tree / package) for package in PACKAGES)
        texts = tree / "tests/replay/texts.py"
        if not texts.is_file():
            sys.exit(f"{revision}: it is too old, there is no {texts.relative_to(tree)}")
        program = [sys.executable, str(texts), str(directory), *guests]
        subprocess.run(
            program, check=True, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL
        )
    return {file.name.removesuffix(ENDING): file for file in directory.iterdir()}


def read(file: Path) -> str:
    """Unpack a text."""
    return gzip.decompress(file.read_bytes()).decode("utf-8")


def compare(old: dict[str, Path], new: dict[str, Path], expected: list[str]) -> int:
    """Print what differs; how many differences nobody expected."""
    unexpected = named = 0
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            lines = [f"only in the {'old' if name in old else 'new'} revision"]
        else:
            lines = difference(read(old[name]), read(new[name]))
        if not lines:
            continue
        if any(fnmatch(name, pattern) for pattern in expected):
            named += 1
            continue
        unexpected += 1
        print(f"{name}: {len(lines)} lines")
        if unexpected == 1:
            print("\n".join(lines[:LINES_SHOWN]))
    print(f"{len(old)} and {len(new)} texts, {unexpected} differ, and {named} as was expected")
    return unexpected


def main(arguments: list[str]) -> int:
    """Compare two revisions; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--guests", nargs="*", default=[], help="names; all by default")
    parser.add_argument(
        "--but", action="append", default=[], metavar="PATTERN", help="texts that may differ"
    )
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mttcg-replay-") as scratch:
        old, new = (
            texts_of(revision, args.guests, Path(scratch) / which)
            for revision, which in ((args.old, "old"), (args.new, "new"))
        )
        return 1 if compare(old, new, args.but) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
