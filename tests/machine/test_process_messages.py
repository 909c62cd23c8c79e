"""Messages between the processes: docs/process-messages.md against the types, and the checks."""

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from mttcg.attached import Drive, ProgramStreams, Share, parse_net
from mttcg.config import Config
from mttcg.memory.address import PageOffset, Physical, PhysicalPage, Virtual
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.protocol import facts, host_messages, messages, needs, orders, vcpu_messages
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.message import MessageError, ProcessMessage
from mttcg.vcpu.protocol.messages import MESSAGES, decode, encode, expect
from mttcg.vcpu.protocol.needs import LoadedPlugin, NeededScoreboard, NeededTable, Needs
from mttcg.vcpu.protocol.stop_point import StopPoint
from mttcg.vcpu.protocol.typed_value import TypedValue

PAGE = (Path(__file__).parents[2] / "docs" / "process-messages.md").read_text(encoding="utf-8")
PLACES = tuple[needs.Place, ...]
TYPES: dict[str, Any] = {
    "text": str,
    "texts": tuple[str, ...],
    "integer": int,
    "virtual address": Virtual,
    "virtual addresses by text": dict[str, Virtual],
    "virtual address or none": Virtual | None,
    "offset in a page or none": PageOffset | None,
    "physical address": Physical,
    "physical addresses": tuple[Physical, Physical],
    "physical addresses by text": dict[str, Physical],
    "pages": tuple[PhysicalPage, ...],
    "truth": bool,
    "mapping": dict[str, Any],
    "configuration": Config,
    "mapping or none": dict[str, Any] | None,
    "mappings": tuple[dict[str, Any], ...],
    "places": PLACES,
    "ending": Ending,
    "needs": Needs,
    "scoreboards": tuple[NeededScoreboard, ...],
    "tables": tuple[NeededTable, ...],
    "plugins": tuple[LoadedPlugin, ...],
    "program or none": facts.ProgramFacts | None,
    "trap": facts.TrapFacts,
    "stop points": tuple[StopPoint, ...],
    "trap or none": facts.TrapFacts | None,
}
"""The types of fields, by what the page calls them."""
NEEDS = Needs(
    streams=({"name": "mix.words"},),
    scoreboards=(NeededScoreboard("mix", "kinds", "counter", 8),),
    tables=(NeededTable("mix", "kinds", "words"),),
    plugins=(LoadedPlugin("mix", "mix:top=3", True, False),),
)
TRAP = facts.TrapFacts("illegal instruction", 0x80000000, 0, ".insn 4, 0x0")
CONFIG = Config(Path("a.elf"), smp=2, plugins=("mix",), interim=1)
PLAIN = json.loads(encode(host_messages.Prepare(CONFIG, {}, {}, None, 1, "toy")))["config"]
BOARDS = (("mix", "kinds"), ("mix", "more"))
EXAMPLES: tuple[tuple[ProcessMessage, int], ...] = (
    (host_messages.Prepare(CONFIG, {"main": 2**63}, {"ram": [0, 1]}, None, 77, "riscv64"), 0),
    (
        host_messages.Start(
            isa="riscv64",
            board="riscv-virt",
            entry=0x80000000,
            device_tree=0x80100000,
            information=0x80101000,
            below_firmware=True,
            device_symbols={"tohost": 0x80001000},
            program=facts.ProgramFacts("a.elf 1", (0x80002000, 0x80100000)),
            kernel={"symbols": {"init_task": 2**64 - 8}},
            kernel_unknown="",
            restored=True,
            streams=(("mix", "words"),),
            scoreboards=BOARDS,
            descriptors=("ram", "notice", "vcpu0"),
        ),
        3,
    ),
    (host_messages.Rehearse("mix", 1), 0),
    (host_messages.Ready(NEEDS, 1000, ("a",)), 0),
    (host_messages.HostRefused("no"), 0),
    (host_messages.VcpuEnded(1, -9), 0),
    (host_messages.TranslatorEnded(70), 0),
    (host_messages.DevicesEnded(-9), 0),
    (host_messages.HostWarning("the code store is not used"), 0),
    (host_messages.DeviceWarning("the disk is full"), 0),
    (host_messages.RehearsalEnded(0), 0),
    (host_messages.Rehearsed(1, NEEDS), 0),
    (host_messages.RehearsalRefused(1, "no"), 0),
    (vcpu_messages.VcpuFailure("it failed", Ending.CALLBACK, True), 0),
    (vcpu_messages.VcpuWarning("é\n"), 0),
    (vcpu_messages.TrapLoopFound(0x80000000, TRAP, None), 0),
    (vcpu_messages.SpinFound(0x80000000, 2, True, "lw t1, 0(s1)"), 0),
    (vcpu_messages.ZerosFound(0x80000000), 0),
    (vcpu_messages.UnsupportedFound("vadd.vv", "V", 2**64 - 1), 0),
    (vcpu_messages.NothingAttached(("mix",)), 0),
    (vcpu_messages.AskChange("{}", 3), 0),
    (vcpu_messages.ProgramBegins(7), 0),
    (orders.BeginProgram(1, 7), 0),
    (vcpu_messages.FileOperation(1, 4, 0, "YQA="), 0),
    (orders.FileOperationDone(-1, 13, ""), 0),
    (vcpu_messages.InputTaken(3, 2, 1 << 40, 1 << 41, "\xff\0\n"), 0),
    (vcpu_messages.PluginRefused(4, "no"), 0),
    (vcpu_messages.InstrumentsTold(5, ({"cpu": 0},), ()), 0),
    (vcpu_messages.HartStopped("step", 0x80000000, 0), 0),
    (orders.ChangeStops(11, (StopPoint("write", 8, 0x80000000, 0, 0),), ()), 0),
    (orders.GoOn(12, ("go", "stand")), 0),
    (orders.MakeChange(6, 1, "{}", 3), 0),
    (orders.LoadPlugin(7, "mix", BOARDS, (("mix", "words"),)), 3),
    (orders.ReloadPlugin(8, "mix", "mix:top=4", BOARDS), 2),
    (orders.UnloadPlugin(9, "mix"), 0),
    (orders.TellInstruments(10, 5), 0),
    (vcpu_messages.SamplesWait(), 0),
    (vcpu_messages.PageOfPlace(8, {"page": 1}, True, (4, 5)), 0),
)
"""A message of every type, and how many descriptors come along."""


def documented(columns: int) -> dict[str, list[str]]:
    """The rows of all tables with so many columns, by their first cell."""
    found = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    return {
        row[0].strip(" `"): [cell.strip() for cell in row] for row in found if len(row) == columns
    }


def fields_of(cell: str) -> list[tuple[str, Any]]:
    return [(name, TYPES[words]) for name, words in re.findall(r"`(\w+)` \(([^)]+)\)", cell)]


def built(kind: Any) -> list[tuple[str, Any]]:
    return list(kind.FIELDS.items())


def test_the_page_has_every_message_with_its_fields() -> None:
    page = documented(4)
    assert list(page) == list(MESSAGES)
    for name, kind in MESSAGES.items():
        assert fields_of(page[name][2]) == built(kind), name
        along = "descriptors_along" in vars(kind)
        assert (page[name][3] != "none") == along, name


def test_the_page_has_what_messages_are_made_of() -> None:
    parts = (Needs, NeededScoreboard, NeededTable, LoadedPlugin)
    parts += facts.ProgramFacts, facts.TrapFacts, StopPoint
    assert {name: fields_of(row[2]) for name, row in documented(3).items()} == {
        part.__name__: built(part) for part in parts
    }


def test_every_message_type_is_in_the_table() -> None:
    types = {each for each in vars(messages).values() if getattr(each, "TYPE", "")}
    assert types == set(MESSAGES.values()) == {type(message) for message, _ in EXAMPLES}


@pytest.mark.parametrize(("message", "count"), EXAMPLES, ids=lambda each: getattr(each, "TYPE", ""))
def test_a_message_arrives_with_its_descriptors(message: ProcessMessage, count: int) -> None:
    ours, theirs = Channel.pair()
    with Path(os.devnull).open("rb") as file:
        ours.send(message, [file.fileno()] * count)
        with pytest.raises(MessageError, match=f"{count + 1} descriptors come along"):
            ours.send(message, [file.fileno()] * (count + 1))
    ours.close()
    received = theirs.receive()
    assert received is not None
    assert received[0] == message and len(received[1]) == count
    for descriptor in received[1]:
        os.close(descriptor)
    assert theirs.receive() is None
    theirs.close()


@pytest.mark.parametrize("message", [each for each, _ in EXAMPLES], ids=lambda each: each.TYPE)
def test_a_field_that_is_absent_wrong_or_unknown_is_named(message: ProcessMessage) -> None:
    whole = json.loads(encode(message))
    for field, kind in message.FIELDS.items():
        wrong: Any = "" if kind is not str else 1
        with pytest.raises(MessageError, match=rf"{message.TYPE}.{field}: "):
            decode(json.dumps(whole | {field: wrong}).encode())
        if not message.has_default(field):
            less = {name: value for name, value in whole.items() if name != field}
            with pytest.raises(MessageError, match=f"{field} is absent"):
                decode(json.dumps(less).encode())
    with pytest.raises(MessageError, match="colour is no field"):
        decode(json.dumps(whole | {"colour": 1}).encode())


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"symbols": {"main": "1"}}, r"symbols\['main'\]: '1'; expected int"),
        ({"supervisor": True}, r"supervisor: True; expected int"),
        ({"config": PLAIN | {"plugins": ["a", 1]}}, r"config\.plugins\[1\]: 1; expected str"),
        ({"config": PLAIN | {"smp": True}}, r"config\.smp: True; expected int"),
        ({"config": PLAIN | {"control": 1}}, r"config\.control: 1; expected bool"),
        ({"config": PLAIN | {"guest": 1}}, r"config\.guest: 1; expected str"),
        ({"config": PLAIN | {"keys": False}}, r"config\.keys: False; expected str"),
        ({"config": PLAIN | {"interim": "1"}}, r"config\.interim: '1'; expected float or int"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(changed: dict[str, Any], place: str) -> None:
    with pytest.raises(MessageError, match=rf"prepare\.{place}"):
        decode(json.dumps(json.loads(encode(EXAMPLES[0][0])) | changed).encode())


def config_with_all(strange: Path, folder: Path) -> Config:
    """One in which each field that can be set beside the others has another value than at first."""
    switches = "rng check pin stop_on_trap_loop quiet control wait_gdb for_program"
    on: dict[str, Any] = dict.fromkeys(switches.split(), True)
    on |= dict.fromkeys(("kernel", "initrd", "dtb"), strange)
    return Config(
        **on,
        guest=strange,
        smp=3,
        memory=2 << 20,
        engine="llvm",
        tiers="interpreter",
        code_cache=8 << 20,
        code_store=strange,
        plugins=("mix:top=3", "./a,b=é"),
        bus="ipc:///tmp/bus",
        append="a=é",
        bios=Path("firmware"),
        dump_dtb=folder / "dtb",
        symbols=folder / "System.map",
        kernel_types=folder / "vmlinux",
        sysroot=folder,
        loads={"é": 1 << 40, "a\udcff b": 0},
        from_snapshot=strange,
        snapshot=strange,
        snapshot_at="main+4",
        symbols_set={"rounds": (1 << 64) - 1, "less": -1, "flag": True},
        drives=(Drive(strange, "write"), Drive(Path("b"))),
        shares=(Share(strange, "write", "a"), Share(Path("b"))),
        nets=(parse_net("listen=/tmp/é"), parse_net("passt")),
        streams=ProgramStreams(3, 4, 5, 6, 7),
        program=strange,
        console="virtio",
        terminal="raw",
        args="one é",
        semihosting_files=folder,
        aggregate=False,
        shards={"": 2, "mix": 3},
        interim=0.1,
        wait_subscribers=2,
        policies={"mix.words": "sample:3"},
        stall_limit=7,
        keys=strange,
        allow=(Path("x"), strange),
        allow_control=(Path("y"),),
        gdb=":1234",
        record=folder / "record",
        record_limit=1 << 20,
        json=folder / "json",
        html=folder / "html",
    )


def test_every_field_of_a_config_arrives_as_it_is(tmp_path: Path) -> None:
    """None has its default, and paths, symbols and numbers are ones that a text could spoil."""
    takes_turns: dict[str, Any] = {"deterministic": True, "quantum": 5, "seed": 7}
    strange = Path(os.fsdecode(b"a\xff b"))
    config = config_with_all(strange, tmp_path)
    repeats = Config(guest=strange, record_inputs=tmp_path / "log", **takes_turns)
    replays = Config(guest=strange, replay_inputs=strange, **takes_turns)  # with none of those
    for field in dataclasses.fields(Config):
        # the arguments of semihosting need that it is on
        both = {repr(getattr(each, field.name)) for each in (config, repeats, replays)}
        assert both != {repr(field.default)} or field.name == "semihosting"
    for each in (config, repeats, replays):
        arrived = decode(encode(host_messages.Prepare(each, {}, {}, None, 1, "toy")))
        assert isinstance(arrived, host_messages.Prepare)
        assert arrived.config == each
        assert repr(arrived.config) == repr(each)  # an integer is not the fraction that it equals


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"{", "expected JSON"),
        (b"[]", "there is no such type; expected one of prepare, "),
        (b'{"type": ["start"]}', "there is no such type"),
        (b'{"type": "stop"}', "message 'stop': there is no such type"),
        (b'{"type": "start", "board": "a"}', "below_firmware is absent"),
        (
            b'{"type": "vcpu_failure", "text": "", "ending": 99, "limit": false}',
            r"vcpu_failure\.ending: 99; expected one of ",
        ),
    ],
)
def test_what_is_no_message_is_an_error(text: bytes, wrong: str) -> None:
    with pytest.raises(MessageError, match=wrong):
        decode(text)


def test_a_message_that_is_not_expected_is_an_error() -> None:
    message = vcpu_messages.VcpuWarning("late")
    assert expect(message, vcpu_messages.VcpuWarning) is message
    with pytest.raises(MessageError) as raised:
        expect(message, orders.Order)
    assert (raised.value.name, raised.value.expected) == ("vcpu_warning", "Order")


class Point(TypedValue):
    across: int
    up: int = 2


def test_a_record_is_like_a_frozen_dataclass() -> None:
    point = Point(1)
    assert (point, repr(point)) == (Point(across=1, up=2), "Point(across=1, up=2)")
    assert len({point, Point(1), Point(1, 3)}) == 2 and point != Point(2)
    match point:
        case Point(across, up):
            assert (across, up) == (1, 2)
        case _:
            pytest.fail("it has its fields in order")
    with pytest.raises(AttributeError, match=r"Point\.up can't be set"):
        point.up = 3  # type: ignore[misc]
    for values, named in (((), {}), ((1, 2, 3), {}), ((1,), {"across": 1}), ((1,), {"down": 1})):
        with pytest.raises(TypeError, match="Point has the fields across, up"):
            Point(*values, **named)
