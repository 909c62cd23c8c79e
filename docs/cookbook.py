"""Write the cookbook: a page per plugin from a run of it, with what it printed and a picture.

    python docs/cookbook.py [PLUGIN...]

Counts that depend on how the vCPUs' times met differ from run to run, so tests compare headings and
columns of the output, not its numbers.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

from mttcg.images.catalogue import CACHE, INITRD, KERNEL, folder_of, row_of
from mttcg.instrument.loading.loader import import_source, project_plugins
from mttcg.report.charts import charts_of
from mttcg.report.figures import drawn as drawn_figure
from mttcg.report.flame_graph import FlameFrame, block_chart
from mttcg.report.markup import element
from mttcg.report.parts import FigurePart, Rows, parts_of
from mttcg.report.plots import STYLE

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "cookbook"
IMAGE = folder_of(row_of("debian-riscv64"), CACHE.expanduser())
COLUMNS = 140
MOST_LINES = 60
"""Of output on a page."""
SVG_STYLE = "svg { font: 12px system-ui, sans-serif; background: #fff; fill: #222; color: #222; }"


@dataclass(frozen=True)
class Recipe:
    """A page. `picture`: part of the report to draw, file of blocks, or "" with `why` not."""

    question: str
    command: str
    picture: str = ""
    why: str = ""
    disk: int = 0
    """Bytes of disk.img, which is there for the command."""

    @property
    def boots_linux(self) -> bool:
        """Whether it runs Debian's kernel, in the folder of its image, and no example guest."""
        return self.command.startswith("--kernel")


def linux(commands: str, options: str) -> str:
    """A command that boots Debian's kernel on two vCPUs, and has its shell do something."""
    where = "--kernel Image --initrd initrd.cpio.gz --memory 256M --smp 2"
    return f"{where} --append 'console=ttyS0 quiet run=\"{commands}\"' {options}"


RECIPES = {
    "cache": Recipe(
        "Which data and which code miss in which cache, and which lines do vCPUs take from others?",
        "caches.elf --smp 2 --set rounds=20 --plugin cache,top=6",
        "cache: code",
    ),
    "callgraph": Recipe(
        "Which functions call which, and where do the instructions go?",
        "calls.elf --set rounds=1 --plugin callgraph,out=stacks.txt,top=3",
        "callgraph: flame graph",
    ),
    "coverage": Recipe(
        "Which code has run, and which lines how often?",
        "mix.elf --smp 2 --set rounds=2 --plugin coverage,drcov=mix.drcov,lcov=mix.info,top=6",
        "coverage: ",
    ),
    "devices": Recipe(
        "Which devices does the guest use, and what do they do by themselves?",
        "disk.elf --smp 2 --drive disk.img --set interrupts=1 --plugin devices",
        why="There is no picture: the table has it all.",
        disk=1 << 16,
    ),
    "empty": Recipe(
        "What does a plugin cost that does nothing?",
        "hello.elf --plugin empty",
        why="There is nothing to draw: it records nothing and reports nothing.",
    ),
    "execlog": Recipe(
        "What did the guest execute, instruction by instruction?",
        "hello.elf --plugin execlog,out=log.txt,last=12",
        why="There is no picture: a log is to be read.",
    ),
    "hotblocks": Recipe(
        "Which blocks run most?",
        "mix.elf --smp 2 --set rounds=2 --plugin hotblocks,top=5",
        "hotblocks: ",
    ),
    "howvec": Recipe(
        "What kinds of instructions are executed?",
        "mix.elf --smp 2 --set rounds=2 --plugin howvec,top=3",
        "howvec: ",
    ),
    "icount": Recipe(
        "How many instructions and blocks does each vCPU execute?",
        "counter.elf --smp 2 --set rounds=1000 --plugin icount",
        "icount",
    ),
    "kfuncs": Recipe(
        "How often are functions of the guest's kernel called, and how long do they take?",
        linux("ls -l /etc | wc", "--plugin kfuncs,functions=vfs_*,top=8"),
        "kfuncs: by function",
    ),
    "locks": Recipe(
        "Which locks do vCPUs fight for, and how long do they wait?",
        "locks.elf --smp 2 --set fault=1 --plugin locks",
        "locks: ",
    ),
    "memtrace": Recipe(
        "Which memory does the guest access?",
        "mix.elf --smp 2 --set rounds=1 --plugin memtrace,out=trace.npy,top=8",
        "memtrace: hottest",
    ),
    "processes": Recipe(
        "Which process of a Linux guest ran on which vCPU, and for how long?",
        linux("ls -l /etc | wc; head -c 9999 /dev/zero | md5sum", "--plugin processes,top=12"),
        "processes: by thread",
    ),
    "profile": Recipe(
        "Where do the processes of a Linux guest, and its kernel, spend their instructions?",
        linux("md5sum /bin/busybox", "--plugin profile,every=20000000,out=stacks.txt,top=8"),
        "profile: flame graph",
    ),
    "races": Recipe(
        "Which accesses of different vCPUs are in no order?",
        "races.elf --smp 2 --set rounds=50 --set fault=1 --plugin races",
        "races: ",
    ),
    "sharing": Recipe(
        "Which cache lines go back and forth between vCPUs, and do they have to?",
        "sharing.elf --smp 2 --set rounds=1000 --set fault=1 --plugin sharing",
        "sharing: variables",
    ),
    "syscalls": Recipe(
        "Which system calls do the processes of a Linux guest make, and how long do they take?",
        linux("ls -l /etc | wc", "--plugin syscalls,out=calls.txt,top=12"),
        why="There is no picture: the log is to be read.",
    ),
    "timeline": Recipe(
        "What did each vCPU do, and when?",
        "hello.elf --smp 2 --plugin timeline,out=trace.json",
        "trace.json",
    ),
}


@dataclass(frozen=True)
class Dish:
    """What a run gave: its text, the plugin's report, and the picture as SVG, "" if none."""

    text: str
    report: Any
    picture: str


def shown_command(recipe: Recipe) -> str:
    """The command as the reader types it."""
    return f"mttcg run {'' if recipe.boots_linux else 'examples/guests/'}{recipe.command}"


def cook(name: str) -> Dish:
    """Run a recipe in a folder of its own; raises CalledProcessError if it fails."""
    recipe = RECIPES[name]
    with tempfile.TemporaryDirectory() as folder:
        options = shlex.split(recipe.command)
        if recipe.boots_linux:
            for file in (KERNEL, INITRD):
                (Path(folder) / file).symlink_to(IMAGE / file)
        else:
            options[0] = str(ROOT / "examples/guests" / options[0])
        if recipe.disk:
            (Path(folder) / "disk.img").write_bytes(bytes(recipe.disk))
        command = [sys.executable, "-m", "mttcg", "run"]
        environment = {**os.environ, "COLUMNS": str(COLUMNS)}
        done = subprocess.run(
            [*command, *options, "--json", "result.json"],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=True, timeout=170,
        )  # fmt: skip
        report = json.loads((Path(folder) / "result.json").read_text())["plugins"].get(name)
        _, found, text = done.stderr.partition(f"\n{name}")
        return Dish((name + text) if found else "", report, drawn(name, report, Path(folder)))


def drawn(name: str, report: Any, folder: Path) -> str:
    """The picture of a recipe, as a file's content."""
    wanted = RECIPES[name].picture
    if wanted == "trace.json":
        chart = block_chart("Time by function", list(trace_blocks(folder / wanted)), unit="µs")
        return svg_file(chart[1])
    for part in parts_of(name, report) if wanted else ():
        if isinstance(part, FigurePart) and part.title.startswith(wanted):
            return svg_file(found[1]) if (found := drawn_figure(part.title, part.values)) else ""
        if isinstance(part, Rows) and part.title.startswith(wanted):
            for figure in charts_of(part):
                return svg_file(figure[1])
    return ""


def trace_blocks(path: Path) -> Iterator[FlameFrame]:
    """Blocks of a trace: for each vCPU a row of its name, and rows of functions by depth."""
    tracks: dict[int, list[dict[str, Any]]] = {}
    names: dict[int, str] = {}
    for event in json.loads(path.read_text())["traceEvents"]:
        if event["ph"] == "X":
            tracks.setdefault(event["tid"], []).append(event)
        elif event["name"] == "thread_name":
            names[event["tid"]] = event["args"]["name"]
    row = 0
    last = max(event["ts"] + event["dur"] for track in tracks.values() for event in track)
    for track, events in sorted(tracks.items()):
        yield FlameFrame(0.0, last, row, names.get(track, str(track)))
        deepest, open_ends = 0, list[float]()
        for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
            while open_ends and open_ends[-1] <= event["ts"]:
                open_ends.pop()
            open_ends.append(event["ts"] + event["dur"])
            deepest = max(deepest, len(open_ends))
            yield FlameFrame(event["ts"], event["dur"], row + len(open_ends), event["name"])
        row += deepest + 2


def svg_file(drawing: Element) -> str:
    """A drawing by itself, with its colours."""
    drawing.set("xmlns", "http://www.w3.org/2000/svg")
    drawing.set("class", "plot")
    drawing.insert(0, element("style", None, STYLE.strip() + "\n" + SVG_STYLE))
    return tostring(drawing, encoding="unicode") + "\n"


def page_of(name: str, dish: Dish) -> str:
    """A page: question, command, output, picture."""
    recipe = RECIPES[name]
    module = import_source(next(s for s in project_plugins() if s.name == name))
    purpose = (module.__doc__ or "").partition("\n")[0]
    lines = [line.rstrip() for line in dish.text.rstrip().splitlines()]
    more = [f"... {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    printed = "\n".join(lines[:MOST_LINES] + more)
    kernel = ["In the folder of [Debian's image](../linux.md)."] if recipe.boots_linux else []
    output = f"```text\n{printed}\n```" if printed else "It prints nothing of its own."
    picture = f"![What {name} found]({name}.svg)" if dish.picture else recipe.why
    return (
        "\n\n".join(
            [
                "<!-- written by docs/cookbook.py from a run; run: make cookbook -->",
                f"# {name}",
                f"**{recipe.question}** {purpose}",
                f"```sh\n{shown_command(recipe)}\n```",
                *kernel,
                output,
                picture,
                f"[Options and records](../plugins.md#{name}) · [All recipes](README.md)",
            ]
        )
        + "\n"
    )


def contents() -> str:
    """The page that leads to all."""
    rows = [f"| [{name}]({name}.md) | {recipe.question} |" for name, recipe in RECIPES.items()]
    head = [
        "<!-- written by docs/cookbook.py; run: make cookbook -->",
        "# Cookbook",
        "A page for each plugin: the question that it answers, a command on an example guest, or"
        "\non Linux, and what that printed, with a picture. `make cookbook` runs them all again.",
    ]
    return "\n\n".join([*head, "\n".join(["| plugin | question |", "|---|---|", *rows])]) + "\n"


def main() -> int:
    """Write the pages."""
    parser = argparse.ArgumentParser(description="Write the cookbook from runs of its recipes.")
    parser.add_argument("plugins", nargs="*", help="whose pages, all by default")
    wanted = parser.parse_args().plugins or list(RECIPES)
    if unknown := set(wanted) - set(RECIPES):
        parser.error(f"no recipe for {', '.join(sorted(unknown))}")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "README.md").write_text(contents(), encoding="utf-8")
    for name in wanted:
        dish = cook(name)
        (FOLDER / f"{name}.md").write_text(page_of(name, dish), encoding="utf-8")
        if dish.picture:
            (FOLDER / f"{name}.svg").write_text(dish.picture, encoding="utf-8")
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
