"""Write what the pages in docs/ take from the sources.

    python docs/reference.py            # or: make docs
    python docs/reference.py --check    # writes nothing; exit status 1 if a page differs

- reference.md, from the docstrings and signatures of what a plugin's author imports. The tables of
  sections below give its order; a public name of `mttcg.instrument` that no section has is an
  error, so that the page stays complete.
- plugins.md, from the docstrings and options of the plugins.
- coverage.md, from the instruction table.
- performance.md, and the figures in the README, from the last full run of `make bench`.
- In the other pages, code blocks that have a file name after the language get that file's content.
"""

import argparse
import ast
import dataclasses
import difflib
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from coverage_page import coverage_page
from docstring_markdown import (
    code_block,
    escaped,
    markdown_of,
    plain_type,
    signature_text,
    summary_of,
    table_of,
)

import mttcg.instrument
import mttcg.instrument.errors
import mttcg_bus
from mttcg.instrument import events, figures
from mttcg.instrument.api.options import describe_options
from mttcg.instrument.loading.loader import import_source, project_plugins
from mttcg_bench import document, linux_page, results

DOCS = Path(__file__).parent
ROOT = DOCS.parent

SECTIONS: dict[str, tuple[str, ...]] = {
    "Attaching and taking away": (
        "instrument",
        "uninstrument",
        "instrument_block",
        "uninstrument_block",
        "instrument_memory",
        "uninstrument_memory",
        "instrument_branch",
        "uninstrument_branch",
        "instrument_jump",
        "uninstrument_jump",
        "instrument_return",
        "uninstrument_return",
    ),
    "What can be attached besides a function": (
        "Counter",
        "BlockTable",
        "Stream",
        "probe",
        "Probe",
        "When",
        "Scoreboard",
    ),
    "A vCPU": ("Cpu", "GuestInstruction", "GuestProcess", "MappedArea", "ModuleSymbol"),
    "When a change is in force": ("Ticket",),
    "Options": ("option", "OptionRefusedError"),
    "The guest's code and symbols": (
        "processes",
        "mapped_areas",
        "mapped_file",
        "module_symbols",
        "symbol",
        "symbols",
        "disassemble",
        "instruction_class",
        "InstructionClass",
        "instruction_length",
        "returns_from_trap",
        "register_name",
        "is_interprocessor",
        "mode_name",
        "source_lines",
        "SourceLines",
        "elf_functions",
        "elf_segments",
        "ElfSegment",
        "ElfFileError",
    ),
    "The clock of timed records": ("clock_ticks",),
    "Fast aggregators": ("compiled",),
    "Files of lines": ("printable",),
}
"""The names of `mttcg.instrument`, in the order in which an author meets them."""
ELSEWHERE = {"events", "figures", "API_VERSION", "OLDEST_API_VERSION"}
"""Names of `mttcg.instrument` that have a part of the page, or of another one, of their own."""
FIGURE_MAKERS = ("bars", "series", "heat_map", "flame_graph")
RECORDS = (
    "ACCESS",
    "TIMED_ACCESS",
    "BLOCK",
    "INSTRUCTION",
    "TIMED",
    "RETIRED",
    "TRANSFER",
    "BRANCH",
    "EXECUTIONS",
    "INSTRUCTION_EXECUTIONS",
)
HOW = (
    "WRITE",
    "KIND",
    "LOAD_RESERVED",
    "STORE_CONDITIONAL",
    "AMO",
    "FENCE",
    "INTERRUPT",
    "ACQUIRE",
    "RELEASE",
    "FAILED",
    "READS_BEFORE",
    "WRITES_BEFORE",
    "READS_AFTER",
    "WRITES_AFTER",
)
"""Constants of `events`: bits of a `TIMED_ACCESS`'s `how`, values of KIND, bits of a fence's."""
BUS_CLASSES = ("Aggregator", "RunInfo")
GIVEN = {
    "Cpu",
    "Probe",
    "When",
    "RunInfo",
    "Ticket",
    "SourceLines",
    "ElfSegment",
    "GuestInstruction",
    "GuestProcess",
    "InstructionClass",
}
"""Classes that an author is given and never makes; their constructors are not shown."""
NOT_FOR_AUTHORS = {"Cpu.open", "Cpu.close", "RunInfo.to_plain", "RunInfo.from_plain"}
"""Public members that other packages of this project use."""

MARK = (
    "<!-- Written by docs/reference.py from the docstrings; run `make docs` to write it again. -->"
)
RESULTS, ON_LINUX = (ROOT / "bench" / "results" / name for name in ("full.json", "linux.json"))
BOOTS = ROOT / "bench" / "results" / "boots.md"
FIGURES = re.compile(r"(<!-- figures: [^\n]* -->\n)(.*?)(<!-- end of figures -->)", re.S)
"""In a page, what the results of the last full run write."""
INCLUDED = re.compile(r"(^```[\w-]+ (\S+)\n)(.*?)(^```$)", re.M | re.S)


class IncompleteError(Exception):
    """Public names that the reference does not have, or has but that are not there."""

    def __init__(self, names: set[str]) -> None:
        super().__init__(f"docs/reference.py: no section, or no such name: {sorted(names)}")
        self.names = names


def check_complete() -> None:
    """Raise IncompleteError unless the sections have exactly the public names."""
    listed = {name for names in SECTIONS.values() for name in names} | ELSEWHERE
    different = listed ^ set(mttcg.instrument.__all__)
    different |= {name for name in (*RECORDS, *HOW) if not hasattr(events, name)}
    if different:
        raise IncompleteError(different)


def reference_page() -> str:
    """The plugin API reference."""
    check_complete()
    parts = [
        MARK,
        "# Plugin API reference",
        "What a plugin's author imports. [Writing plugins](writing-plugins.md) shows each of these"
        "\nat work; [the command line](command-line.md) says how a plugin is loaded.",
        "## The functions of a plugin",
        markdown_of(mttcg.instrument),
    ]
    for title, names in SECTIONS.items():
        parts += [f"## {title}", f"From `mttcg.instrument`: {linked(names)}."]
        for name in names:
            parts += member_parts(name, getattr(mttcg.instrument, name))
    parts += record_parts()
    parts += figure_parts()
    parts += ["## The second half of a plugin", f"From `mttcg_bus`: {linked(BUS_CLASSES)}."]
    for name in BUS_CLASSES:
        parts += member_parts(name, getattr(mttcg_bus, name))
    parts += [
        "## Control of a run",
        "From `mttcg_bus`; see [mttcg ctl](command-line.md#mttcg-ctl).",
    ]
    parts += member_parts("Control", mttcg_bus.Control)
    parts += error_parts()
    return "\n\n".join(parts) + "\n"


def linked(names: tuple[str, ...]) -> str:
    """Names that lead to their headings; a second one that differs in case only gets -1."""
    anchors: list[str] = []
    for name in names:
        anchor = name.lower()
        anchors.append(f"{anchor}-1" if anchor in anchors else anchor)
    pairs = zip(names, anchors, strict=True)
    return ", ".join(f"[`{name}`](#{anchor})" for name, anchor in pairs)


def plugins_page() -> str:
    """What `mttcg plugins NAME` prints, for each plugin of this project."""
    parts = [
        MARK,
        "# Plugins",
        "The plugins that come with mttcg, by the name that `--plugin` takes: "
        "`--plugin name,option=value,...`."
        "\nThe [cookbook](cookbook/README.md) has a run of each, with a picture.",
    ]
    for source in project_plugins():
        module = import_source(source)
        parts += [f"## {source.name}", markdown_of(module)]
        options_class = getattr(module, "Options", None)
        rows = describe_options(options_class, source.name) if options_class is not None else ()
        table = [(f"`{row.name}`", row.type, row.default, row.help) for row in rows]
        head = ("option", "type", "default", "what it does")
        parts.append(table_of(head, table) if table else "It has no options.")
        streams = list(stream_rows(module))
        if streams:
            parts.append("What it publishes, with the layout of a record:")
            parts.append(table_of(("stream", "bytes", "fields: offset, type, name"), streams))
    return "\n\n".join(parts) + "\n"


def stream_rows(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """The streams that a plugin's source declares, with the layouts of their records."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).split(".")[-1] != "Stream":
            continue
        given = dict(zip(("name", "dtype"), node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        name, dtype = given["name"], named_in(module, given["dtype"])
        stream = f"`{ast.literal_eval(name)}`" if isinstance(name, ast.Constant) else "several"
        if not isinstance(dtype, np.dtype):
            yield stream, "", "as its options say; `welcome` describes them"
            continue
        fields = [
            f"{dtype.fields[field][1]} `{type_text(dtype.fields[field][0])}` `{field}`"
            for field in dtype.names
        ]
        yield stream, str(dtype.itemsize), ", ".join(fields)


def named_in(module: ModuleType, expression: ast.expr) -> Any:
    """What a name, maybe with dots, stands for in a module; None for any other expression."""
    if isinstance(expression, ast.Name):
        return getattr(module, expression.id, None)
    if isinstance(expression, ast.Attribute):
        return getattr(named_in(module, expression.value), expression.attr, None)
    return None


def member_parts(name: str, member: Any) -> Iterator[str]:
    """A function or class: heading, signature, docstring, and a class's own members."""
    yield f"### {name}"
    if not inspect.isclass(member):
        yield code_block(signature_text(name, member))
        yield markdown_of(member)
        return
    given = name in GIVEN
    yield code_block(f"class {name}" if given else signature_text(f"class {name}", member))
    yield markdown_of(member, with_arguments=not given)
    if dataclasses.is_dataclass(member):
        fields = [(f"`{f.name}`", f"`{plain_type(f.type)}`") for f in dataclasses.fields(member)]
        yield table_of(("field", "type"), fields)
    for member_name, inner in public_members(name, member):
        yield f"#### {name}.{member_name}"
        if not isinstance(inner, property):
            yield code_block(signature_text(member_name, inner))
        yield markdown_of(inner)


def public_members(name: str, member: type[Any]) -> Iterator[tuple[str, Any]]:
    """The documented methods and properties of a class, its own first, each once."""
    seen: set[str] = set()
    for owner in member.__mro__[:-1]:
        for member_name, inner in vars(owner).items():
            is_member = isinstance(inner, property | classmethod) or inspect.isfunction(inner)
            if member_name.startswith("_") or member_name in seen or not is_member:
                continue
            seen.add(member_name)
            if f"{name}.{member_name}" not in NOT_FOR_AUTHORS:
                bound = isinstance(inner, classmethod)  # its signature is without cls then
                yield member_name, getattr(member, member_name) if bound else inner


def record_parts() -> Iterator[str]:
    """The dtypes of `mttcg.instrument.events`, with the text that follows each in its source."""
    yield "## Records"
    yield f"From `mttcg.instrument.events`.\n\n{markdown_of(events)}"
    texts = attribute_texts(events)
    for name in RECORDS:
        dtype = getattr(events, name)
        yield f"### events.{name}"
        yield f"{escaped(texts[name])}\n\nA record has {dtype.itemsize} bytes."
        rows = [
            (f"`{field}`", f"`{type_text(dtype.fields[field][0])}`", str(dtype.fields[field][1]))
            for field in dtype.names
        ]
        yield table_of(("field", "type", "offset"), rows)
    yield "### Bits of `how`"
    values = [(f"`events.{name}`", f"`{getattr(events, name):#04x}`") for name in HOW]
    yield table_of(("name", "value"), values)


def figure_parts() -> Iterator[str]:
    """The functions of `mttcg.instrument.figures`."""
    yield "## Figures"
    yield f"From `mttcg.instrument.figures`.\n\n{markdown_of(figures)}"
    for name in FIGURE_MAKERS:
        yield from member_parts(f"figures.{name}", getattr(figures, name))


def type_text(dtype: "np.dtype[Any]") -> str:
    """A field's type in numpy's words: `uint64`, `uint8[64]`."""
    base, shape = dtype.subdtype or (dtype, ())
    return base.name + "".join(f"[{length}]" for length in shape)


def error_parts() -> Iterator[str]:
    """The errors that a plugin can meet, in the order of their module."""
    yield "## Errors"
    yield (
        "From `mttcg.instrument.errors`; all derive from `InstrumentError`, and that from\n"
        "`mttcg.MttcgError`. One that a plugin does not handle ends the run, as any exception does."
    )
    errors = mttcg.instrument.errors
    rows = [
        (f"`{name}`", escaped(summary_of(error)))
        for name, error in vars(errors).items()
        if inspect.isclass(error) and error.__module__ == errors.__name__
    ]
    yield table_of(("error", "when"), rows)


def attribute_texts(module: ModuleType) -> dict[str, str]:
    """The text after each assignment of a module, by the name that is assigned."""
    body = ast.parse(inspect.getsource(module)).body
    found: dict[str, str] = {}
    for before, after in itertools.pairwise(body):
        if not (isinstance(before, ast.Assign) and isinstance(after, ast.Expr)):
            continue
        target, value = before.targets[0], after.value
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
            found[target.id] = inspect.cleandoc(str(value.value))
    return found


def with_files(text: str) -> str:
    """A page whose blocks with a file name have that file's content."""

    def content(block: re.Match[str]) -> str:
        return block[1] + (ROOT / block[2]).read_text(encoding="utf-8") + block[4]

    return INCLUDED.sub(content, text)


def performance_page() -> str:
    """The last full run, what plugins cost on Linux, and what was seen of boots."""
    mark = "<!-- Written by docs/reference.py from bench/results/; run `make docs`. -->"
    linux = linux_page.linux_part(results.read(ON_LINUX))
    boots = BOOTS.read_text(encoding="utf-8")
    return f"{mark}\n\n{document.page(results.read(RESULTS))}\n{linux.rstrip()}\n\n{boots}"


def with_figures(text: str) -> str:
    """A page with the figures of the last full run between its marks."""
    if not FIGURES.search(text):
        return text
    found = document.summary(results.read(RESULTS))
    return FIGURES.sub(lambda part: f"{part[1]}{found}\n{part[3]}", text)


def pages() -> dict[Path, str]:
    """Every page that this program writes or fills, as it should be."""
    written = {
        DOCS / "reference.md": reference_page(),
        DOCS / "plugins.md": plugins_page(),
        DOCS / "coverage.md": coverage_page(),
        DOCS / "performance.md": performance_page(),
    }
    others = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
    return written | {
        page: with_figures(with_files(page.read_text(encoding="utf-8")))
        for page in others
        if page not in written
    }


def difference(page: Path, wanted: str) -> str:
    """How a page differs from what it should be; empty if it does not."""
    there = page.read_text(encoding="utf-8") if page.exists() else ""
    sides = (there.splitlines(), wanted.splitlines())
    return "\n".join(difflib.unified_diff(*sides, str(page.name), "the sources", n=1, lineterm=""))


def main() -> int:
    """Write the pages, or with --check compare them."""
    parser = argparse.ArgumentParser(description="Write what the pages take from the sources.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page differs")
    check = parser.parse_args().check
    status = 0
    for page, wanted in pages().items():
        different = difference(page, wanted)
        if different and check:
            print(different)
            print(f"{page.name} is not what the sources give; run: make docs", file=sys.stderr)
            status = 1
        elif different:
            page.write_text(wanted, encoding="utf-8")
            print(f"wrote {page.relative_to(ROOT)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
