"""What the processes of a machine tell each other through channels; docs/process-messages.md.

A message is a JSON mapping with its `type` and the type's fields. Both ends are of the same version
and start together, so nothing here is published, and every field is checked: what is not as it
should be is a fault of ours.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

from mttcg.vcpu.protocol.host_messages import (
    DevicesEnded,
    DeviceWarning,
    HostRefused,
    HostWarning,
    Prepare,
    Ready,
    RehearsalEnded,
    RehearsalRefused,
    Rehearse,
    Rehearsed,
    Start,
    TranslatorEnded,
    VcpuEnded,
)
from mttcg.vcpu.protocol.message import (
    MessageError,
    ProcessMessage,
)
from mttcg.vcpu.protocol.orders import (
    BeginProgram,
    ChangeStops,
    FileOperationDone,
    GoOn,
    LoadPlugin,
    MakeChange,
    ReloadPlugin,
    TellInstruments,
    UnloadPlugin,
)
from mttcg.vcpu.protocol.typed_reading import WrongValueError, read_fields
from mttcg.vcpu.protocol.vcpu_messages import (
    AskChange,
    FileOperation,
    HartStopped,
    InputTaken,
    InstrumentsTold,
    NothingAttached,
    PageOfPlace,
    PluginRefused,
    ProgramBegins,
    SamplesWait,
    SpinFound,
    TrapLoopFound,
    UnsupportedFound,
    VcpuFailure,
    VcpuWarning,
    ZerosFound,
)

MESSAGES: dict[str, type[ProcessMessage]] = {
    kind.TYPE: kind
    for kind in (
        Prepare,
        Start,
        Rehearse,
        Ready,
        HostRefused,
        VcpuEnded,
        TranslatorEnded,
        DevicesEnded,
        HostWarning,
        DeviceWarning,
        RehearsalEnded,
        Rehearsed,
        RehearsalRefused,
        VcpuFailure,
        VcpuWarning,
        TrapLoopFound,
        SpinFound,
        ZerosFound,
        UnsupportedFound,
        NothingAttached,
        AskChange,
        ProgramBegins,
        FileOperation,
        InputTaken,
        PluginRefused,
        InstrumentsTold,
        HartStopped,
        FileOperationDone,
        MakeChange,
        BeginProgram,
        LoadPlugin,
        ReloadPlugin,
        UnloadPlugin,
        TellInstruments,
        ChangeStops,
        GoOn,
        SamplesWait,
        PageOfPlace,
    )
}

M = TypeVar("M", bound=ProcessMessage)


def _plain(value: Any) -> Any:
    """What JSON has no form of itself, as a text or mapping."""
    return str(value) if isinstance(value, Path) else vars(value)


def encode(message: ProcessMessage) -> bytes:
    """A message as it goes through a channel."""
    return json.dumps({"type": message.TYPE} | vars(message), default=_plain).encode()


def decode(text: bytes | bytearray) -> ProcessMessage:
    """The message that `encode` gave that text; MessageError if none can have."""
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise MessageError("", str(error), "JSON") from error
    name = plain.pop("type", None) if isinstance(plain, dict) else None
    if not isinstance(name, str) or name not in MESSAGES:
        raise MessageError(str(name), "there is no such type", f"one of {', '.join(MESSAGES)}")
    try:
        return read_fields(MESSAGES[name], plain, name)
    except WrongValueError as error:
        raise MessageError(name, f"{error.place}: {error.wrong}", error.expected) from error


def expect(message: ProcessMessage, kind: type[M]) -> M:
    """The message itself, which is to be of a type; MessageError if it is another."""
    if not isinstance(message, kind):
        raise MessageError(message.TYPE, "it is not expected here", kind.__name__)
    return message
