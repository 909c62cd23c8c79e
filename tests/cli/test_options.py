from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mttcg.errors import PluginError
from mttcg.instrument.api.options import build_options, describe_options, option, parse_spec


@dataclass(frozen=True)
class Options:
    count: int = option(20, help="how many")
    share: float = option(0.5, help="how much")
    name: str = option("x", help="which")
    values: bool = option(False, help="whether")
    order: Literal["up", "down", 3] = option("up", help="sorting")
    out: Path | None = field(default=None, metadata={"help": "where to"})
    limit: int | None = option(7, help="at most")


@dataclass(frozen=True)
class Required:
    place: str = option(help="where it is")
    others: str = field(default_factory=lambda: "computed")


def build(text: str, cls: type[Any] = Options) -> Any:
    return build_options(cls, parse_spec("p," + text).values if text else {}, "p")


def test_a_spec_is_a_target_and_its_options() -> None:
    spec = parse_spec("memtrace,out=a=b, kind =read")
    assert (spec.text, spec.target) == ("memtrace,out=a=b, kind =read", "memtrace")
    assert spec.values == {"out": "a=b", "kind": "read"}


def test_a_doubled_comma_stands_for_a_comma() -> None:
    spec = parse_spec("./a,,b.py,out=x,,y,,,top=1")
    assert spec.target == "./a,b.py"
    assert spec.values == {"out": "x,y,", "top": "1"}


@pytest.mark.parametrize("text", ["", ",", " ,a=1", "p,", "p,a", "p,=1", "p, =1", "p,a=1,a=2"])
def test_a_malformed_spec_is_refused(text: str) -> None:
    with pytest.raises(PluginError, match="expected"):
        parse_spec(text)


@given(st.text() | st.text(alphabet="ab,=/. \0\n", max_size=30))
def test_parse_spec_raises_nothing_but_plugin_error(text: str) -> None:
    try:
        spec = parse_spec(text)
    except PluginError:
        return
    assert spec.target
    assert all(spec.values)


@given(st.sampled_from(["count", "share", "name", "values", "order", "out", "limit"]), st.text())
def test_build_options_raises_nothing_but_plugin_error(key: str, text: str) -> None:
    try:
        build_options(Options, {key: text}, "p")
    except PluginError as error:
        assert "expected" in str(error)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("count=0x10", "count", 16),
        ("count=-3", "count", -3),
        ("count=007", "count", 7),
        ("share=2", "share", 2.0),
        ("name=", "name", ""),
        ("values=Yes", "values", True),
        ("values=on", "values", True),
        ("values=1", "values", True),
        ("values=off", "values", False),
        ("values=0", "values", False),
        ("order=down", "order", "down"),
        ("order=3", "order", 3),
        ("out=a/b", "out", Path("a/b")),
        ("out=none", "out", None),
        ("limit=none", "limit", None),
        ("limit=9", "limit", 9),
    ],
)
def test_text_becomes_the_type_of_its_field(text: str, key: str, value: object) -> None:
    found = getattr(build(text), key)
    assert found == value
    assert type(found) is type(value)


def test_no_options_give_the_defaults() -> None:
    assert build("") == Options()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("count=ten", "whole number"),
        ("count=1.5", "whole number"),
        ("share=much", "a number"),
        ("share=nan", "a number"),
        ("values=maybe", "true or false"),
        ("order=left", "one of up, down, 3"),
        ("out=", "a path"),
        ("limit=", "whole number"),
    ],
)
def test_a_wrong_type_says_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(PluginError, match=expected) as caught:
        build(text)
    assert text.partition("=")[0] in str(caught.value)


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(PluginError, match=r"unknown option 'cuont'; known are: count, share, name"):
        build("cuont=1")


def test_a_required_option_is_asked_for() -> None:
    with pytest.raises(PluginError, match="'place' is missing"):
        build("", Required)
    assert build("place=here", Required) == Required("here", "computed")


def test_the_options_class_may_refuse_values_itself() -> None:
    @dataclass(frozen=True)
    class Refusing:
        top: int = option(1, help="")

        def __post_init__(self) -> None:
            raise ValueError("top is too much")

    with pytest.raises(PluginError, match="top is too much"):
        build("top=5", Refusing)


@pytest.mark.parametrize("wrong", [int, "Options", print])
def test_a_class_that_is_no_dataclass_is_refused(wrong: Any) -> None:
    with pytest.raises(PluginError, match="not a dataclass"):
        build_options(wrong, {}, "p")


def test_a_field_of_an_unknown_type_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        pages: list[int] = field(default_factory=list)

    @dataclass(frozen=True)
    class Unresolved:
        pages: "NoSuchType" = 1  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(PluginError, match=r"'pages' has the type list\[int\]"):
        build_options(Odd, {}, "p")
    with pytest.raises(PluginError, match="NoSuchType"):
        describe_options(Unresolved, "p")


def test_the_description_has_name_type_default_and_help() -> None:
    rows = [(row.name, row.type, row.default, row.help) for row in describe_options(Options, "p")]
    assert rows == [
        ("count", "int", "20", "how many"),
        ("share", "float", "0.5", "how much"),
        ("name", "str", "x", "which"),
        ("values", "bool", "false", "whether"),
        ("order", "up or down or 3", "up", "sorting"),
        ("out", "Path or none", "none", "where to"),
        ("limit", "int or none", "7", "at most"),
    ]
    assert [row.default for row in describe_options(Required, "p")] == ["required", "(computed)"]
