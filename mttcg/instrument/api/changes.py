"""Attachments, and the change of them that travels between processes."""

import ast
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mttcg.instrument.api.process import ChosenProcess
from mttcg.instrument.api.targets import Probe, Stream, VcpuWords, When
from mttcg.instrument.errors import NotPortableError
from mttcg.isa.context import EVERYWHERE, Scope
from mttcg.memory.address import Virtual


class Where(StrEnum):
    """What something is attached to."""

    BLOCK = "block"
    INSTRUCTION = "instruction"
    ACCESS = "access"
    BRANCH = "branch"
    """Behind each conditional branch."""
    JUMP = "jump"
    """Behind each instruction that always goes elsewhere, calls and returns among them."""
    RETURN = "return"
    """The pc is that of the function; it is met at its entry, and told of when it returns."""
    RETURN_SITE = "return site"
    """Where a function that is awaited returns to; made by the vCPU."""
    CALL_SITE = "call site"
    """The call before that."""
    SWITCH = "switch"
    """Where a kernel goes on with another process, or that becomes another program."""
    STOP = "stop"
    """Where the hart is to stop for a debugger."""

    @property
    def at(self) -> "Where":
        """Where in the plan it goes."""
        return Where.INSTRUCTION if self in AT_INSTRUCTIONS else self


MADE_BY_THE_VCPU = (Where.RETURN_SITE, Where.CALL_SITE, Where.STOP, Where.SWITCH)
AT_INSTRUCTIONS = (Where.RETURN, *MADE_BY_THE_VCPU)


def _same(one: Any, other: Any) -> bool:
    """Whether two opaque values are the same, for whatever a plugin gives."""
    if one is other:
        return True
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # numpy arrays, for one, don't compare to a truth value
        return False


@dataclass(frozen=True, eq=False)
class Attachment:
    """One thing attached: `cpu` None for every vCPU, `pc` None for every address.

    `once`: on each vCPU it runs at its first chance only; at every block, at each one's first.
    `when`: it runs only if that says so. `entry`: of a RETURN, what is called at the entry, and
    gives the opaque value of that call. `scope`: the contexts in which it runs. `physical`: whether
    the pc is the physical address, wherever the guest sees it. `process`: that in which alone it
    runs; the vCPU puts a mark into the scope for it.
    """

    plugin: str
    where: Where
    cpu: int | None
    pc: Virtual | None
    target: Any
    opaque: Any = None
    once: bool = False
    when: When | None = None
    entry: Any = None
    scope: Scope = EVERYWHERE
    physical: bool = False
    process: ChosenProcess | None = None

    def concerns(self, cpu: int) -> bool:
        """Whether it is attached on a vCPU."""
        return self.cpu is None or self.cpu == cpu

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Attachment)
            and (self.plugin, self.where, self.cpu, self.pc, self.once, self.when)
            == (other.plugin, other.where, other.cpu, other.pc, other.once, other.when)
            and (self.scope, self.physical) == (other.scope, other.physical)
            and self.process == other.process
            and bool(self.target == other.target)
            and bool(self.entry == other.entry)
            and _same(self.opaque, other.opaque)
        )

    def __hash__(self) -> int:
        return hash((self.plugin, self.where, self.cpu, self.pc))


@dataclass(frozen=True)
class Change:
    """An attachment that is made or taken away."""

    add: bool
    attachment: Attachment


def _name_of(value: Any, plugin: Any) -> str | None:
    """The name under which a plugin's module, or its declarations, have a value."""
    if isinstance(value, VcpuWords | Stream):
        return value.name if value.plugin == plugin.name else None
    name = value.name if isinstance(value, Probe) else getattr(value, "__name__", None)
    return name if name and getattr(plugin.module, name, None) is value else None


def _reference(value: Any, plugin: Any) -> list[str]:
    if isinstance(value, VcpuWords | Stream | Probe) or callable(value):
        name = _name_of(value, plugin)
        if name is None:
            raise NotPortableError(repr(value), "a function at the plugin's module level")
        kind = "declared" if isinstance(value, VcpuWords | Stream) else "named"
        return [kind, name]
    text = repr(value)
    try:
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise NotPortableError(text, "numbers, text, bytes, None, and tuples, lists, dicts of them")
    return ["literal", text]


def to_text(change: Change, plugin: Any) -> str:
    """Encode a change for the other vCPU processes.

    Raises NotPortableError for a target or opaque value that they can't know.
    """
    attachment, when = change.attachment, change.attachment.when
    return json.dumps(
        {
            "add": change.add,
            "plugin": attachment.plugin,
            "epoch": plugin.epoch,
            "where": attachment.where,
            "cpu": attachment.cpu,
            "pc": attachment.pc,
            "target": _reference(attachment.target, plugin),
            "opaque": _reference(attachment.opaque, plugin),
            "once": attachment.once,
            "entry": None if attachment.entry is None else _reference(attachment.entry, plugin),
            "scope": attachment.scope,
            "physical": attachment.physical,
            "process": attachment.process,
            "when": None if when is None else [_reference(w, plugin) for w in vars(when).values()],
        }
    )


def from_text(text: str, plugins: Any, declared: Any) -> Change | None:
    """Decode a change; None if its plugin is not there any more, or has been loaded anew.

    Args:
        text: what `to_text` gave.
        plugins: loaded plugins by name.
        declared: words and streams by (plugin, name).
    """
    plain = json.loads(text)
    name = plain["plugin"]
    if name not in plugins or plugins[name].epoch != plain["epoch"]:
        return None

    def resolve(reference: list[str]) -> Any:
        kind, value = reference
        if kind == "literal":
            return ast.literal_eval(value)
        if kind == "declared":
            return declared[name, value]
        return getattr(plugins[name].module, value)

    attachment = Attachment(
        name,
        Where(plain["where"]),
        plain["cpu"],
        plain["pc"],
        resolve(plain["target"]),
        resolve(plain["opaque"]),
        plain["once"],
        None if plain["when"] is None else When(*map(resolve, plain["when"])),
        None if plain["entry"] is None else resolve(plain["entry"]),
        Scope(*plain["scope"]),
        plain["physical"],
        None if plain["process"] is None else ChosenProcess(*plain["process"]),
    )
    return Change(plain["add"], attachment)
