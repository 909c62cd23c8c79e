"""Which target fits where, checked when it is attached rather than when it is met."""

from collections.abc import Callable
from typing import Any

from mttcg.instrument import events
from mttcg.instrument.api.changes import Attachment, Where
from mttcg.instrument.api.signature import wrong_arguments
from mttcg.instrument.api.targets import (
    BlockTable,
    CodeTable,
    Counter,
    Probe,
    Scoreboard,
    Stream,
    VcpuWords,
    When,
)
from mttcg.instrument.errors import TargetError

RECORDS: dict[Where, dict[str, Any]] = {
    Where.BLOCK: {"BLOCK": events.BLOCK, "TIMED": events.TIMED},
    Where.INSTRUCTION: {
        "INSTRUCTION": events.INSTRUCTION,
        "TIMED": events.TIMED,
        "RETIRED": events.RETIRED,
        "TRANSFER": events.TRANSFER,
        "BRANCH": events.BRANCH,
    },
    Where.ACCESS: {"ACCESS": events.ACCESS, "TIMED_ACCESS": events.TIMED_ACCESS},
}
AFTER = (events.RETIRED, events.TRANSFER, events.BRANCH)
"""Records that are written after an instruction."""
CALLBACKS: dict[Where, tuple[str, ...]] = {
    Where.BLOCK: ("cpu", "block", "opaque"),
    Where.INSTRUCTION: ("cpu", "opaque"),
    Where.ACCESS: ("cpu", "access", "opaque"),
    Where.BRANCH: ("cpu", "branch", "opaque"),
    Where.JUMP: ("cpu", "jump", "opaque"),
    Where.RETURN: ("cpu", "value", "opaque"),
}
"""What a Python function is called with."""
FUNCTIONS_ALONE = {
    Where.RETURN: "",
    Where.BRANCH: "; a Stream of events.BRANCH is attached by instrument",
    Where.JUMP: "; a Stream of events.TRANSFER is attached by instrument",
}
"""Where nothing else may be attached, and what to do instead."""
AT_ENTRY = CALLBACKS[Where.INSTRUCTION]


def check_target(attachment: Attachment) -> None:
    """Raise TargetError if the target can't be attached there."""
    target, where, opaque = attachment.target, attachment.where, attachment.opaque

    def refuse(wrong: str) -> None:
        raise TargetError(target, f"at {where}", wrong)

    if where in FUNCTIONS_ALONE and (
        isinstance(target, Stream | Probe | VcpuWords) or not callable(target)
    ):
        refuse(f"expected a function{FUNCTIONS_ALONE[where]}")
    if where is Where.RETURN:
        entry = attachment.entry
        if entry is not None and (not callable(entry) or wrong_arguments(entry, AT_ENTRY)):
            refuse(f"at_entry is a function of cpu and opaque, not {entry!r}")
    if isinstance(target, Stream):
        layout = events.without_context(target.dtype)
        if layout not in RECORDS[where].values():
            names = " or ".join(f"mttcg.instrument.events.{name}" for name in RECORDS[where])
            refuse(f"its dtype is {target.dtype}; expected {names}")
        anywhere = attachment.pc is None and not attachment.once and attachment.when is None
        if layout in AFTER and not anywhere:
            refuse("records after an instruction are of every one: no pc, once or when")
    elif isinstance(target, Probe):
        if opaque is not None and not isinstance(opaque, VcpuWords):
            refuse(f"a probe's opaque is a scoreboard or None, not {opaque!r}")
    elif isinstance(target, CodeTable):
        if where is not Where.BLOCK and isinstance(target, BlockTable):
            refuse("a BlockTable counts blocks only")
        if target.less_left and (attachment.once or attachment.when is not None):
            refuse("executions of instructions are of each execution of a block: no once or when")
    elif isinstance(target, VcpuWords):
        if not isinstance(target, Counter):
            refuse("a Scoreboard is for probes; attach a Counter")
    elif not callable(target):
        refuse("expected a function, probe, Counter, BlockTable or Stream")
    elif wrong := wrong_arguments(target, CALLBACKS[where]):
        refuse(f"it {wrong}")
    _check_sometimes(attachment, refuse)


def _check_sometimes(attachment: Attachment, refuse: Callable[[str], None]) -> None:
    when = attachment.when
    if attachment.once and attachment.where is Where.INSTRUCTION and attachment.pc is None:
        refuse("once is for one pc, for blocks, or for accesses")
    if when is not None and not (isinstance(when, When) and isinstance(when.probe, Probe)):
        refuse(f"when is a When with a probe, not {when!r}")
    if when is not None and not (when.words is None or isinstance(when.words, Scoreboard)):
        refuse(f"the words of when are a Scoreboard or None, not {when.words!r}")
