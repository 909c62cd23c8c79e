"""What came of one attempt at a run."""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Ended(StrEnum):
    """How an attempt ended; the values are the words of the records."""

    BY_ITSELF = "by itself"
    TIME_LIMIT = "time limit"
    LOST = "lost"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Attempt:
    """What came of one attempt, as whoever executed it found it.

    `status` is the exit status of `mttcg run`, negative for a signal, None if it is not known.
    `console` is the end of the guest's output, of which there were `console_bytes` in all, with
    the SHA-256 `console_digest`; `errors` the end of what the run said on stderr. `started` in
    seconds since 1970, `seconds` of wall time
    of a `time_limit` (0: none). `result` is the run's JSON result, None without one.
    `worker` says who it was; `why` what was wrong, empty if nothing.
    """

    ended: Ended
    status: int | None = None
    why: str = ""
    console: str = ""
    console_bytes: int = 0
    console_digest: str = ""
    errors: str = ""
    started: float = 0.0
    seconds: float = 0.0
    time_limit: float = 0.0
    worker: str = ""
    result: dict[str, Any] | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Give an object that the json module writes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Attempt":
        """Make it again from such an object; TypeError, ValueError or KeyError for another."""
        return cls(**found | {"ended": Ended(found["ended"])})


class RunOutcome(StrEnum):
    """What a run counts as; the values are those of the table."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    LOST = "lost"


def outcome_of(attempt: Attempt, expect: Collection[int]) -> tuple[RunOutcome, str]:
    """Tell what an attempt that was the last one makes of its run, and why if it did not pass.

    expect: the exit statuses that count as success; a run without a result has none.
    """
    if attempt.ended is Ended.TIME_LIMIT:
        return RunOutcome.TIMED_OUT, f"it was stopped after {attempt.time_limit:g} s"
    if attempt.ended is not Ended.BY_ITSELF:
        return RunOutcome.LOST, attempt.why
    result = attempt.result
    if result is not None and not result["failures"] and attempt.status in expect:
        return RunOutcome.PASSED, ""
    wanted = " or ".join(map(str, expect))
    why = attempt.why or f"exit status {attempt.status}; expected {wanted}"
    return RunOutcome.FAILED, why
