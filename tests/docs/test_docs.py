"""The pages: what they include, the commands they show, where they point, and what they list."""

import argparse
import importlib.util
import inspect
import io
import json
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from mttcg.cli import build_parser
from mttcg.config import NO_GUEST
from mttcg.engine.llvm.arena import use_of
from mttcg.engine.llvm.arena_layout import HEADER
from mttcg.errors import EXIT_FAULT, EXIT_INTERRUPTED, EXIT_USER
from mttcg.instrument.api.options import parse_spec
from mttcg.instrument.loading.loader import project_plugins
from mttcg.supervisor.machine import Machine
from mttcg.supervisor.results.outcome import EXIT_WAITING
from mttcg.supervisor.results.result import RunResult, StopReason, VcpuResult
from mttcg_bus.publisher.garbage import Garbage

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
PAGES = [*WRITTEN, ROOT / "CHANGELOG.md", ROOT / "examples/guests/README.md"]
COMMAND_LINE = (DOCS / "command-line.md").read_text(encoding="utf-8")
EXAMPLE_GUESTS = ROOT / "examples/guests"
LONGEST_LINE = 130
"""Columns of a line of prose; tables and links have no line breaks."""

FENCE = re.compile(r"^```(?P<language>[\w-]*) ?(?P<file>\S*)\n(?P<text>.*?)^```$", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FILES_MADE = {
    *("trace.npy", "result.json", "calls.py", "console.txt"),
    *("bare.elf", "pico.elf", "hosted.elf", "bare-zig.elf", "bare-rust.elf", "newlib.elf"),
    *("mix.drcov", "mix.info", "log.txt", "stacks.txt", "trace.json"),
}
"""Files of the examples that the reader makes."""
VERBS = (
    "run",
    "completion",
    "subscribe",
    "record",
    "replay",
    "export",
    "ctl",
    "campaign",
    "keys",
    "ps",
    "top",
)
VERBS_NAMED = {f"mttcg {verb}" for verb in VERBS}
"""What prose calls the verbs that need more to be a command."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    file: str
    text: str


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> Iterator[Block]:
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        yield Block(page, found["language"], found["file"], found["text"])


def all_blocks() -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page)]


def without_fences(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


# what is included


def included_blocks() -> list[Block]:
    return [block for block in all_blocks() if block.file]


@pytest.mark.parametrize(
    "block", included_blocks(), ids=lambda block: f"{block.page.stem}-{block.file}"
)
def test_a_block_with_a_file_name_is_that_file(block: Block) -> None:
    assert block.text == (ROOT / block.file).read_text(encoding="utf-8")


def test_every_example_plugin_is_shown() -> None:
    shown = {block.file for block in included_blocks()}
    there = {name_of(path) for path in ROOT.glob("examples/plugins/*.py")}
    assert there - shown == set()


def test_python_blocks_compile() -> None:
    for block in all_blocks():
        if block.language == "python" and "reference" not in block.page.name:
            compile(block.text, name_of(block.page), "exec")


def plugins_shown() -> list[Block]:
    """Plugins that are on a page alone; those with a file are run by the examples' tests."""
    return [b for b in all_blocks() if re.search(r"^def plugin_", b.text, re.M) and not b.file]


def run_shown(
    block: Block, guest: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> tuple[RunResult, list[str]]:
    """Run a guest with a plugin that is shown: the result, and what the plugin printed."""
    path = folder / "calls.py"
    path.write_text(block.text, encoding="utf-8")
    machine = Machine(ROOT / "examples/guests" / guest, smp=2, plugins=[str(path)])
    result = machine.run(console=io.BytesIO())
    assert result.exit_status == 0
    printed = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vCPU ")]
    return result, printed


def test_the_plugin_about_the_life_of_a_vcpu_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    [block] = [block for block in plugins_shown() if block.page.name == "writing-plugins.md"]
    _, printed = run_shown(block, "ipi.elf", tmp_path, capfd)
    # two processes write to one stderr, so their lines may meet
    said = re.findall(r"vCPU (\d): slept \d+ times, interrupts by cause: \{3: ", "".join(printed))
    assert sorted(said) == ["0", "1"]


def test_the_plugin_of_the_readme_prints_what_the_readme_says(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    [block] = [block for block in plugins_shown() if block.page.name == "README.md"]
    result, printed = run_shown(block, "hello.elf", tmp_path, capfd)
    assert result.plugins["calls"]["vcpus"] == [{"cpu": 0, "calls": 3}, {"cpu": 1, "calls": 3}]
    readme = block.page.read_text(encoding="utf-8")
    assert printed == re.findall(r"^ +(vCPU 1: print_text\(0x.*\))$", readme, re.M)


# the commands that are shown


class Command(NamedTuple):
    """A command line of a page, without the program's name."""

    page: Path
    line: str
    arguments: list[str]


def command_lines(program: str) -> list[Command]:
    """Those in shell blocks, in indented ones, and in `code`.

    A verb that is only named is no command, nor is a synopsis, with [options] or dots.
    """
    found = []
    for page in PAGES:
        whole = re.sub(r" *\\\n *", " ", page.read_text(encoding="utf-8"))  # continued lines
        shell = "".join(
            block["text"] for block in FENCE.finditer(whole) if block["language"] == "sh"
        )
        lines = re.findall(rf"^(?:.*\| )?({program} .*)$", shell, re.M)
        lines += re.findall(rf"^ {{4}}({program} .*)$", whole, re.M)
        lines += re.findall(rf"`(?:\.venv/bin/)?({program} [^`\n]+)`", FENCE.sub("", whole))
        for line in lines:
            command = line.partition(" > ")[0]
            if "[" not in command and "..." not in command and command not in VERBS_NAMED:
                arguments = shlex.split(command, comments=True)[1:]
                found.append(Command(page, line, arguments))
    return found


@pytest.mark.parametrize(
    "command", command_lines("mttcg"), ids=lambda c: f"{c.page.stem}: {c.line}"
)
def test_a_command_that_is_shown_parses(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        arguments = build_parser().parse_args(command.arguments)
    except SystemExit as stop:  # --version prints and leaves
        assert stop.code == 0
        return
    known = {source.name for source in project_plugins()} | {"SPEC", "name"}
    given = vars(arguments).get("plugin")
    specs = [given] if isinstance(given, str) else given
    for spec in specs or []:
        target = parse_spec(spec).target
        assert target in known or Path(target).name in FILES_MADE or (ROOT / target).is_file()
    guest = vars(arguments).get("guest")
    if guest is not None and guest.parts[:1] == ("$(mttcg demo --guests)",):
        guest = EXAMPLE_GUESTS / guest.name
    made = guest is not None and guest.name in FILES_MADE
    assert guest in (None, NO_GUEST, Path("GUEST")) or made or (ROOT / guest).is_file()


def test_there_are_commands_to_check() -> None:
    assert len(command_lines("mttcg")) > 20


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))


@pytest.mark.parametrize("command", command_lines("make"), ids=lambda c: f"{c.page.stem}: {c.line}")
def test_a_make_target_that_is_shown_is_there(command: Command) -> None:
    target, *variables = command.arguments
    assert target in make_targets()
    assert all(re.fullmatch(r"PYTHON=\S+", variable) for variable in variables)


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    shown = [
        block.text.strip() for block in blocks_of(ROOT / "README.md") if block.language == "sh"
    ]
    assert "make test" in shown
    assert "make test" in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


# where links go


def slug_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors_of(page: Path) -> set[str]:
    slugs = [slug_of(text) for text in re.findall(r"^#+ (.*)$", without_fences(page), re.M)]
    earlier = [slugs[:number].count(slug) for number, slug in enumerate(slugs)]
    return {f"{slug}-{n}" if n else slug for slug, n in zip(slugs, earlier, strict=True)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_inside_the_repository_resolve(page: Path) -> None:
    wrong = []
    for target in LINK.findall(without_fences(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors_of(there)):
            wrong.append(target)
    assert wrong == []


def test_the_readme_leads_to_every_page() -> None:
    links = set(LINK.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    assert {f"docs/{page.name}" for page in DOCS.glob("*.md")} <= links


def test_the_picture_is_an_svg_with_words_for_those_who_do_not_see_it() -> None:
    picture = ElementTree.parse(DOCS / "architecture.svg").getroot()
    names = {element.tag.rpartition("}")[2] for element in picture.iter()}
    assert {"title", "desc"} <= names
    assert "image" not in names and "script" not in names


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_no_line_of_prose_is_too_long(page: Path) -> None:
    long = [
        line
        for line in without_fences(page).splitlines()
        if len(line) > LONGEST_LINE and not line.startswith(("|", "From `"))
    ]
    assert long == []


# what the pages list


def verb_parsers() -> dict[str, argparse.ArgumentParser]:
    actions = build_parser()._actions
    [verbs] = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
    return dict(verbs.choices)


def section_of(verb: str) -> str:
    return COMMAND_LINE.partition(f"## mttcg {verb}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("verb", ["run", "exec", "subscribe", "campaign"])
def test_the_page_has_exactly_the_options_that_there_are(verb: str) -> None:
    listed = re.findall(r"^\| `(--[a-z-]+)", section_of(verb), re.M)
    there = {
        option
        for action in verb_parsers()[verb]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert sorted(listed) == sorted(there)


def test_the_page_has_every_exit_status_and_reason() -> None:
    statuses = {int(text) for text in re.findall(r"^\| (\d+) \|", COMMAND_LINE, re.M)}
    rows = re.findall(r"^\| (\d+) \|", COMMAND_LINE, re.M)
    assert statuses == {EXIT_USER, EXIT_FAULT, EXIT_WAITING, EXIT_INTERRUPTED}
    assert len(rows) == len(statuses)
    assert [reason for reason in StopReason if f"`{reason}`" not in COMMAND_LINE] == []


def keys_of(value: Any) -> set[str]:
    """The names in an object of the result, but for those that plugins, streams and hosts give."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if not isinstance(value, dict):
        return set()
    found = set(value)
    for key, inner in value.items():
        if key not in ("plugins", "ledger", "host", "seconds", "registers", "unsupported"):
            found |= keys_of(inner)
    return found


def test_the_json_of_the_page_has_the_names_of_the_result() -> None:
    [shown] = [
        json.loads(b.text) for b in blocks_of(DOCS / "command-line.md") if b.language == "json"
    ]
    vcpu = VcpuResult(0, 1, 1, 0.0, 0.0, 0, 0, 0, "stopped", 0)
    left = {"name": "icount", "reason": "finished", "ledger": {}}
    made = RunResult("a.elf", "llvm", {}, 0, StopReason.GUEST_EXIT, [vcpu], subscribers=[left])
    arena = np.zeros(1, HEADER).view(np.uint8).data
    facts = {"code_cache": use_of(arena), "garbage": Garbage().to_plain()}
    result = replace(made, **facts).to_json()
    assert keys_of(shown) == keys_of(result)
    table = section_of("run").partition("### The JSON result")[2]
    assert [
        name for name in keys_of(result) if not re.search(rf"`(vcpus\[\]\.)?{name}`", table)
    ] == []


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program that writes the pages, as a module."""
    monkeypatch.syspath_prepend(DOCS)
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_what_the_sources_give() -> None:
    command = [sys.executable, str(DOCS / "reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"


def test_a_page_that_differs_is_noticed_and_written_again(
    reference: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["reference.py", *arguments])
        status: int = reference.main()
        return status

    monkeypatch.setattr(reference, "DOCS", tmp_path)
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    (tmp_path / "example.py").write_text("new = 1\n", encoding="utf-8")
    page = tmp_path / "README.md"
    page.write_text("# A\n\n```python example.py\nold = 1\n```\n", encoding="utf-8")
    assert run() == 0
    assert page.read_text(encoding="utf-8") == "# A\n\n```python example.py\nnew = 1\n```\n"
    assert run("--check") == 0
    (tmp_path / "plugins.md").write_text("# Plugins\n", encoding="utf-8")
    assert run("--check") == 1
    assert "plugins.md is not what the sources give" in capsys.readouterr().err
    assert (tmp_path / "plugins.md").read_text(encoding="utf-8") == "# Plugins\n"


def test_every_stream_of_a_plugin_is_listed(reference: ModuleType) -> None:
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    declared = 0
    for source in project_plugins():
        module = reference.import_source(source)
        rows = list(reference.stream_rows(module))
        assert bool(rows) == ("Stream(" in inspect.getsource(module))
        declared += len(rows)
    assert declared == len(re.findall(r"^\| (?:`\w+`|several) \| (?:\d+)? \|", page, re.M))
    assert "| `access` | 32 | 0 `uint64` `pc`, 8 `uint64` `address`, " in page


def test_a_public_name_without_a_section_is_an_error(
    reference: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference.mttcg.instrument, "__all__", ["instrument", "something_new"])
    with pytest.raises(reference.IncompleteError, match="something_new"):
        reference.reference_page()
