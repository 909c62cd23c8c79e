from pathlib import Path

import pytest

from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.option_values import GIB, KIB, MIB, parse_assignment, parse_size

GUEST = Path("guest.elf")


def test_the_defaults_are_good() -> None:
    config = Config(GUEST)
    assert (config.smp, config.memory, config.engine) == (1, 128 * MIB, "auto")


@pytest.mark.parametrize("smp", [1, 64])
@pytest.mark.parametrize("memory", [MIB, MIB + 4096, 64 * GIB])
def test_the_ends_of_a_range_are_good(smp: int, memory: int) -> None:
    Config(GUEST, smp=smp, memory=memory)


@pytest.mark.parametrize(
    ("options", "option", "expected"),
    [
        ({"smp": 0}, "--smp", "from 1 to 64"),
        ({"smp": 65}, "--smp", "from 1 to 64"),
        ({"smp": -1}, "--smp", "from 1 to 64"),
        ({"smp": True}, "--smp", "whole number"),
        ({"smp": "4"}, "--smp", "whole number"),
        ({"memory": MIB - 4096}, "--memory", "1M to 64G"),
        ({"memory": 64 * GIB + 4096}, "--memory", "1M to 64G"),
        ({"memory": 128}, "--memory", "1M to 64G"),
        ({"memory": MIB + 1}, "--memory", "multiple of 4096"),
        ({"memory": 1e6}, "--memory", "1M to 64G"),
        ({"plugins": "icount"}, "--plugin", "tuple of specs"),
        ({"engine": "tcg"}, "--engine", "auto or unicorn or llvm"),
        ({"wait_subscribers": -1}, "--wait-subscribers", "from 0"),
        ({"symbols_set": {"rounds": 1 << 64}}, "--set rounds", "64-bit"),
        ({"symbols_set": {"rounds": -(1 << 63) - 1}}, "--set rounds", "64-bit"),
        ({"symbols_set": {"rounds": "7"}}, "--set rounds", "64-bit"),
        ({"json": Path()}, "--json", "a file to write"),
        ({"json": Path("nowhere/result.json")}, "--json", "a file to write"),
    ],
)
def test_a_wrong_value_is_refused(options: dict[str, object], option: str, expected: str) -> None:
    with pytest.raises(OptionError) as caught:
        Config(GUEST, **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{option}: ")
    assert expected in caught.value.expected
    assert caught.value.exit_status == 2


def test_values_are_of_the_types_that_are_declared() -> None:
    config = Config(
        "guest.elf",  # type: ignore[arg-type]
        plugins=["icount"],  # type: ignore[arg-type]
        keys="keys",  # type: ignore[arg-type]
        allow=["a", Path("b")],  # type: ignore[arg-type, list-item]
        check=1,  # type: ignore[arg-type]
        symbols_set={"flag": True},
    )
    assert repr(config) == repr(
        Config(
            GUEST,
            plugins=("icount",),
            keys=Path("keys"),
            allow=(Path("a"), Path("b")),
            check=True,
            symbols_set={"flag": 1},
        )
    )


@pytest.mark.parametrize(
    ("engine", "name"), [("auto", "llvm"), ("llvm", "llvm"), ("unicorn", "unicorn")]
)
def test_the_engine_that_auto_stands_for(engine: str, name: str) -> None:
    assert Config(GUEST, engine=engine).engine_name == name


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128M", 128 * MIB),
        ("1g", GIB),
        (" 64K ", 64 * KIB),
        ("64MiB", 64 * MIB),
        ("4096", 4096),
        ("0x100000", MIB),
        ("0", 0),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "M", "12X", "-1M", "1.5G", "1_000", "+5", "0x", "128MM", "٣M", "1 2"]
)
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^--memory: .* is not a size; expected "):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "assignment"),
    [
        ("rounds=1000", ("rounds", 1000)),
        ("rounds=0xFF", ("rounds", 255)),
        (" rounds = 7 ", ("rounds", 7)),
        ("rounds=-1", ("rounds", -1)),
        ("rounds=0xffffffffffffffff", ("rounds", (1 << 64) - 1)),
    ],
)
def test_assignments_are_read(text: str, assignment: tuple[str, int]) -> None:
    assert parse_assignment(text) == assignment


@pytest.mark.parametrize(
    "text", ["", "rounds", "rounds=", "=5", "rounds=five", "rounds=1=2", "rounds=1.0"]
)
def test_what_is_not_an_assignment_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^--set: .* is not an assignment; expected SYMBOL="):
        parse_assignment(text)


def test_a_value_beyond_64_bits_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^--set rounds: .* does not fit 64 bits"):
        parse_assignment(f"rounds={1 << 64}")


def test_a_terminal_is_the_guests_at_once_if_that_is_a_system(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"kernel")
    terminals = {
        terminal: (
            Config(Path("guest.elf"), terminal=terminal).raw_at_once,
            Config(kernel=image, terminal=terminal).raw_at_once,
        )
        for terminal in ("auto", "raw", "cooked")
    }
    assert terminals == {"auto": (False, True), "raw": (True, True), "cooked": (False, False)}
    with pytest.raises(OptionError, match="--terminal: 'tty' is not known"):
        Config(Path("guest.elf"), terminal="tty")
