"""The documentation site: pages of docs/, and what they lead to elsewhere in the sources.

A hook of mkdocs (`make site`). Files outside of docs/ that a page leads to are on the site as well,
at their own place; the README is its first page.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
FIRST = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
"""Files that are on the site whether a page leads to them or not."""
PLACES = {"README.md": "index.md"}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
"""A picture or not, the text, the file, the place in it."""
FENCE = re.compile(r"^```([\w-]+) ([^\s\"]+)$", re.M)
"""A language, and the file that is shown."""
SECOND = re.compile(r"\]\(#([\w-]+)-(\d+)\)")
"""A link to a further heading of the same text, as GitHub numbers them."""


def on_files(files: Any, config: Any) -> Any:
    """Put the files outside of docs/ on the site."""
    wanted = [ROOT / name for name in FIRST]
    wanted += [target for page in sorted(DOCS.rglob("*.md")) for target in targets_of(page)]
    seen: set[Path] = set()
    for file in wanted:  # grows while it is gone through
        if file in seen or file.is_relative_to(DOCS):
            continue
        seen.add(file)
        files.append(File.generated(config, place_of(file), abs_src_path=str(file)))
        if file.suffix == ".md":
            wanted += targets_of(file)
    return files


def on_page_markdown(markdown: str, page: Any, **_others: Any) -> str:
    """Let links lead to where things are on the site; those to what is not there are text."""
    source = Path(page.file.abs_src_path)
    here = Path(page.file.src_uri).parent

    def rewritten(found: re.Match[str]) -> str:
        picture, text, link, anchor = found.groups()
        target = target_of(source, link)
        if target is None:
            return found[0] if "://" in link else text
        return f"{picture}[{text}]({os.path.relpath(place_of(target), here)}{anchor or ''})"

    markdown = FENCE.sub(r'```\1 title="\2"', SECOND.sub(r"](#\1_\2)", markdown))
    return LINK.sub(rewritten, markdown)


def targets_of(page: Path) -> Iterator[Path]:
    """The files that a page leads to."""
    for found in LINK.finditer(page.read_text(encoding="utf-8")):
        target = target_of(page, found[3])
        if target is not None:
            yield target


def target_of(page: Path, link: str) -> Path | None:
    """The file of the sources that a link leads to, None if it leads to none."""
    target = (page.parent / link).resolve()
    return (
        target if "://" not in link and target.is_relative_to(ROOT) and target.is_file() else None
    )


def place_of(file: Path) -> str:
    """Where a file of the sources is on the site."""
    name = file.relative_to(ROOT).as_posix()
    return PLACES.get(name, name.removeprefix("docs/"))
