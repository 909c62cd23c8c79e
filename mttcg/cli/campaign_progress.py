"""How far a campaign is, on stderr: a bar on a terminal, else a line for each run that ended."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from mttcg.cli.render import make_console
from mttcg.terminal import shown, tell

if TYPE_CHECKING:
    from mttcg.campaign.attempt import Attempt, RunOutcome
    from mttcg.campaign.drive import Observer
    from mttcg.campaign.task import Task

TITLES_SHOWN = 3
"""Runs under way that the bar names."""


class Quiet:
    """Says nothing, but that it is asked to stop."""

    def begin(self, total: int, done: int) -> None:
        """Say nothing."""

    def started(self, task: "Task", worker: str) -> None:
        """Say nothing."""

    def lost(self, task: "Task", why: str, attempts: int) -> None:
        """Say nothing: the table has it."""

    def without_workers(self, limit: float) -> None:
        """Say nothing: if none comes, the end says it."""

    def ended(self, task: "Task", outcome: "RunOutcome", why: str, attempt: "Attempt") -> None:
        """Say nothing: the end names those that did not pass."""

    def stopping(self, at_once: bool) -> None:
        """Say what comes."""
        tell("killing the runs" if at_once else "stopping the runs")


class ProgressLines(Quiet):
    """Prints a line for each run that has ended."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.total = self.done = 0

    def begin(self, total: int, done: int) -> None:
        """Say how much there is to do."""
        self.total, self.done = total, done
        if done:
            self.say(f"{done} of {total} runs had ended before")

    def say(self, text: str) -> None:
        """Print a line, which is not folded."""
        self.console.print(Text(shown(text)), soft_wrap=True)

    def lost(self, task: "Task", why: str, attempts: int) -> None:
        """Say that it is tried again."""
        self.say(f"lost, and run again: {task.title} (attempt {attempts}: {why})")

    def without_workers(self, limit: float) -> None:
        """Say what the campaign waits for."""
        self.say(f"there is no worker: waiting for one{f' for {limit:g} s' if limit else ''}")

    def ended(self, task: "Task", outcome: "RunOutcome", why: str, attempt: "Attempt") -> None:
        """Say what came of it."""
        self.done += 1
        seconds = f"{attempt.seconds:.1f} s"
        told = f": {' '.join(why.split())}" if why else ""
        self.say(f"[{self.done}/{self.total}] {outcome}: {task.title} ({seconds}){told}")

    def stopping(self, at_once: bool) -> None:
        """Say what comes."""
        self.say("killing the runs" if at_once else "stopping the runs; once more kills them")


class ProgressBar(ProgressLines):
    """A bar below the lines of those that did not pass."""

    def __init__(self, console: Console, progress: Progress) -> None:
        super().__init__(console)
        self.progress = progress
        self.bar = progress.add_task("", total=None)
        self.running: dict[str, str] = {}

    def begin(self, total: int, done: int) -> None:
        """Show how much there is to do."""
        super().begin(total, done)
        self.progress.update(self.bar, total=total, completed=done)

    def started(self, task: "Task", worker: str) -> None:
        """Show it."""
        self.running[task.key] = task.title
        self.update()

    def ended(self, task: "Task", outcome: "RunOutcome", why: str, attempt: "Attempt") -> None:
        """Move on."""
        self.running.pop(task.key, None)
        if why:
            super().ended(task, outcome, why, attempt)
        else:
            self.done += 1
        self.update()

    def update(self) -> None:
        """Draw it as it is now."""
        titles = list(self.running.values())[:TITLES_SHOWN]
        more = f" and {len(self.running) - len(titles)} more" if len(self.running) > 3 else ""
        text = shown(f"{', '.join(titles)}{more}")
        self.progress.update(self.bar, completed=self.done, description=text)


@contextmanager
def observer(quiet: bool) -> "Iterator[Observer]":
    """Give what is told of the campaign's course, as fits stderr."""
    console = make_console(sys.stderr)
    if quiet:
        yield Quiet()
    elif not console.is_terminal:
        yield ProgressLines(console)
    else:
        columns = (
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            yield ProgressBar(console, progress)
