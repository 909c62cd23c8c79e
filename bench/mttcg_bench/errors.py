"""What can go wrong in a benchmark, as classes with facts."""

from collections.abc import Iterable, Mapping

from mttcg.errors import MttcgError, UserError

SHOWN_LINES = 12


class BenchError(MttcgError):
    """Root of the errors of a run; the text's first line says it all."""


class NotAvailable(BenchError):  # noqa: N818 - a reason to leave something out
    """A tool is not there; what needs it is named with this reason."""


class RunFailed(BenchError):  # noqa: N818 - the root says that it is an error
    """A run ended otherwise than it should have; the end of each of its outputs is shown."""

    def __init__(self, variant: str, wrong: str, *outputs: str) -> None:
        tails = ["\n".join(output.strip().splitlines()[-SHOWN_LINES:]) for output in outputs]
        super().__init__("\n".join([f"{variant}: {wrong}", *filter(None, tails)]))
        self.variant, self.wrong, self.outputs = variant, wrong, outputs


class OutputsDiffer(BenchError):  # noqa: N818
    """The guest printed one thing under one variant and another under another."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        shown = "\n".join(f"--- {name}\n{text.strip()}" for name, text in outputs.items())
        super().__init__(f"the guest's outputs differ\n{shown}")
        self.outputs = outputs


class CountWrong(BenchError):  # noqa: N818
    """A plugin did not see what was executed, so that its cost says nothing."""

    def __init__(self, variant: str, events: float, metric: str, expected: float) -> None:
        super().__init__(f"{variant}: {events:.0f} events; expected {expected:.0f} {metric}")
        self.variant, self.events, self.metric, self.expected = variant, events, metric, expected


class BenchUserError(UserError):
    """A mistake on the command line of `mttcg bench`."""


class UnknownName(BenchUserError):  # noqa: N818
    """A name that nothing has."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"bench: no {what} {name!r}; known are: {', '.join(known)}")
        self.name = name


class NotResults(BenchUserError):  # noqa: N818
    """A file that is not what a benchmark wrote."""

    def __init__(self, file: str, wrong: str) -> None:
        super().__init__(f"{file}: not the JSON of a benchmark: {wrong}")
        self.file = file
