"""Lines of a TOML document: each value stands on the line that is said, whatever is around it."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mttcg.campaign.locate import KeyPath, lines_of, path_text

NAMES = some.text('ab." #=[é', min_size=1, max_size=4)
TEXTS = some.text("ab\"'\\#[]{}=,\n é", max_size=8)
SCALARS = some.one_of(
    some.integers(-9, 9), some.booleans(), some.floats(-1, 1), TEXTS, some.datetimes()
)
ARRAYS = some.lists(some.one_of(SCALARS, some.lists(SCALARS, max_size=2)), max_size=3)
INLINE = some.dictionaries(NAMES, SCALARS, max_size=3)
TABLES = some.dictionaries(NAMES, some.one_of(SCALARS, ARRAYS, INLINE), max_size=4)
SEVERAL = some.lists(TABLES, min_size=1, max_size=3)
DOCUMENTS = some.dictionaries(NAMES, some.one_of(TABLES, SEVERAL))


def written(value: Any, many_lines: bool) -> str:
    """A value as TOML."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)  # TOML's escapes are those of JSON
        return f'""{text}""' if many_lines else text
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        between = ",  # ], }\n  " if many_lines else ", "
        return f"[{between.join(written(inner, many_lines) for inner in value)}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {written(v, False)}" for k, v in value.items())
        return f"{{ {', '.join(pairs)} }}"
    return str(value)


def document(content: dict[str, Any], many_lines: bool) -> str:
    """A document with a header for each table, and comments that look like TOML."""
    lines = ["# [comment]", ""]
    for name, tables in content.items():
        is_array = isinstance(tables, list)
        for table in tables if is_array else [tables]:
            key = json.dumps(name, ensure_ascii=False)
            lines += [f"[[{key}]]" if is_array else f"[ {key} ] # a = 1"]
            for inner, value in table.items():
                key = json.dumps(inner, ensure_ascii=False)
                lines += [f"  {key} = {written(value, many_lines)} # ]"]
    return "\n".join(lines)


def paths_of(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The way to each value of what tomllib gives."""
    if path:
        yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from paths_of(inner, (*path, key))


@given(DOCUMENTS, some.booleans())
def test_the_paths_are_those_of_tomllib(content: dict[str, Any], many_lines: bool) -> None:
    text = document(content, many_lines)
    found = lines_of(text)
    assert set(found) == set(paths_of(tomllib.loads(text)))
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@given(DOCUMENTS, some.booleans())
def test_what_is_before_a_line_does_not_have_what_stands_on_it(
    content: dict[str, Any], many_lines: bool
) -> None:
    text = document(content, many_lines)
    lines = text.splitlines()
    for path, line in lines_of(text).items():
        if len(path) == 1:  # a document that is cut before that line lacks it, one after has it
            before = tomllib.loads("\n".join(lines[: line - 1]))
            assert path[0] not in before
            after = tomllib.loads("\n".join(lines[:line]))
            assert path[0] in after


TEXT = '''\
name = "x" # name = "y"
[defaults]
smp = [1,
  2, # 3,
  3]
[[runs]]
name = """a
"b"""""
set = { a = 1, "b.c" = [1, 2] }
a.b.'c d' = 5
[[runs]]
start = 1979-05-27 07:32:00
[runs.set]
q = 'x"'
  [[runs.sub]]
k = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("name", 1),
        ("defaults", 2),
        ("defaults.smp", 3),
        ("defaults.smp[1]", 4),
        ("defaults.smp[2]", 5),
        ("runs", 6),
        ("runs[0]", 6),
        ("runs[0].set.b.c[1]", 9),
        ("runs[0].a", 10),
        ("runs[0].a.b.c d", 10),
        ("runs[1]", 11),
        ("runs[1].start", 12),
        ("runs[1].set", 13),
        ("runs[1].set.q", 14),
        ("runs[1].sub[0]", 15),
        ("runs[1].sub[0].k", 16),
    ],
)
def test_lines_of_a_document(path: str, line: int) -> None:
    found = {path_text(path): line for path, line in lines_of(TEXT).items()}
    assert found[path] == line
    assert len(found) == len(set(paths_of(tomllib.loads(TEXT))))
