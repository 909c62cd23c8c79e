"""What can go wrong in a benchmark, as classes with facts."""

from mttcg.errors import MttcgError


class BenchError(MttcgError):
    """Root of the errors; the text's first line says it all."""


class UnknownCase(BenchError):  # noqa: N818 - the root says that it is an error
    """A name that is neither a case nor a group."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no case {name!r}; known are: {', '.join(known)}")
        self.name = name


class NotAvailable(BenchError):  # noqa: N818 - a reason to leave something out
    """A tool is not there; the case is named with this reason."""


class RunFailed(BenchError):  # noqa: N818
    """A run ended otherwise than it should have."""

    def __init__(self, variant: str, wrong: str, output: str = "") -> None:
        tail = "\n".join(output.strip().splitlines()[-8:])
        super().__init__(f"{variant}: {wrong}" + (f"\n{tail}" if tail else ""))
        self.variant, self.wrong, self.output = variant, wrong, output


class OutputsDiffer(BenchError):  # noqa: N818
    """The guest printed one thing under one variant and another under another."""

    def __init__(self, case: str, outputs: dict[str, str]) -> None:
        shown = "\n".join(f"--- {name}\n{text.strip()}" for name, text in outputs.items())
        super().__init__(f"{case}: the guest's outputs differ\n{shown}")
        self.case, self.outputs = case, outputs


class CountWrong(BenchError):  # noqa: N818
    """A plugin did not see what was executed, so that its cost says nothing."""

    def __init__(self, variant: str, events: float, metric: str, expected: float) -> None:
        super().__init__(f"{variant}: {events:.0f} events; expected {expected:.0f} {metric}")
        self.variant, self.events, self.metric, self.expected = variant, events, metric, expected
