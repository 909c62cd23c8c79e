"""Campaign files: what is wrong in one is said with file, line and key, before anything runs."""

from pathlib import Path

import pytest
from campaign_harness import run_here
from run_harness import guest

from mttcg.campaign.file import read_campaign

HELLO = f'guests = "{guest("hello")}"'

WRONG = {
    # what stands in the file: the line, the key and what is said of it
    "[[runs]]\nguests = hello": (2, "", "Invalid value (column 10); expected TOML"),
    "[[runs]]\nguests = [": (2, "", "Invalid value"),
    "name = 'x'\nname = 'y'": (2, "", "Cannot overwrite a value"),
    "": (1, "", "there are no runs; expected a table [[runs]]"),
    "runs = []": (1, "runs", "the list is empty; expected one value or more"),
    f"[runs]\n{HELLO}": (1, "runs", "it is a single table; expected [[runs]], with two brackets"),
    "\nretrys = 1\n[[runs]]": (2, "retrys", "unknown key; did you mean retries?; expected one of"),
    "retries = -1\n[[runs]]": (1, "retries", "-1 is out of range; expected a number from 0 to 100"),
    "[[runs]]\nsmp = 1": (1, "runs[0]", 'there are no guests; expected guests = ["FILE.elf", ...]'),
    f"[[runs]]\n{HELLO}\nmatrix = 1": (3, "runs[0].matrix", "unknown key; expected one of name, "),
    f"[[runs]]\n{HELLO}\nsmp = [\n1,\n65]": (
        5,
        "runs[0].smp[1]",
        "65 is out of range; expected a whole number from 1 to 64",
    ),
    f"[[runs]]\n{HELLO}\nsmp = []": (3, "runs[0].smp", "the list is empty"),
    f"[[runs]]\n{HELLO}\nsmp = [1, 1]": (3, "runs[0].smp[1]", "1 is there twice; expected each"),
    f"[[runs]]\n{HELLO}\nsmp = true": (3, "runs[0].smp", "True is true or false; expected a whole"),
    f'[[runs]]\n{HELLO}\nmemory = "lots"': (3, "runs[0].memory", "'lots' is not a size; expected"),
    f"[[runs]]\n{HELLO}\nmemory = 5": (3, "runs[0].memory", "5 bytes is out of range; expected"),
    f'[[runs]]\n{HELLO}\nengine = "qemu"': (3, "runs[0].engine", "'qemu' is not known; expected"),
    f'[[runs]]\n{HELLO}\ntiers = "none"': (3, "runs[0].tiers", "'none' is not known; expected"),
    f"[[runs]]\n{HELLO}\nseed = 3": (
        3,
        "runs[0].seed",
        "there is no `deterministic`",
    ),
    f'[[runs]]\n{HELLO}\ndeterministic = true\ntype = "x"': (
        4,
        "runs[0].type",
        "harts take turns; expected no type",
    ),
    f"[[runs]]\n{HELLO}\nrepeats = 0": (3, "runs[0].repeats", "0 is out of range; expected"),
    f'[[runs]]\n{HELLO}\ntime-limit = "1 min"': (3, "runs[0].time-limit", "'1 min' is a text"),
    f"[[runs]]\n{HELLO}\ntime-limit = -1": (3, "runs[0].time-limit", "-1 is out of range"),
    f"[[runs]]\n{HELLO}\nexpect = [0, 256]": (3, "runs[0].expect[1]", "256 is out of range"),
    f"[[runs]]\n{HELLO}\nset = {{ nope = 1 }}": (
        3,
        "runs[0].set.nope",
        f"{guest('hello')}: there is no symbol 'nope'; expected one of its symbols",
    ),
    f"[[runs]]\n{HELLO}\n[runs.set]\nlock = [1, 'x']": (4, "runs[0].set.lock[1]", "'x' is a text"),
    f"[[runs]]\n{HELLO}\nset = 1": (3, "runs[0].set", "1 is a whole number; expected a table"),
    f"[[runs]]\n{HELLO}\nlabels = {{ when = 1979-05-27 }}": (
        3,
        "runs[0].labels.when",
        "datetime.date(1979, 5, 27) is a date or a time; expected a text or a whole number",
    ),
    f'[[runs]]\n{HELLO}\nplugins = ["icount",\n"nope"]': (
        4,
        "runs[0].plugins[1]",
        "plugin nope: unknown; known are: ",
    ),
    f'[[runs]]\n{HELLO}\nplugins = [["icount", "hotblocks,tops=1"]]': (
        3,
        "runs[0].plugins[0]",
        "plugin hotblocks: unknown option 'tops'",
    ),
    f'[[runs]]\n{HELLO}\nplugins = [["icount", "icount"]]': (
        3,
        "runs[0].plugins[0]",
        "plugin icou",
    ),
    f'[[runs]]\n{HELLO}\nplugins = "./no.py"': (3, "runs[0].plugins", "plugin "),
    f'[[runs]]\n{HELLO}\npolicy = {{ memtrace = "often" }}': (3, "runs[0].policy", "memtrace: 'of"),
    f"[[runs]]\n{HELLO}\nshards = 0": (3, "runs[0].shards", "0 is out of range"),
    f'[[runs]]\n{HELLO}\ninput = "no"': (3, "runs[0].input", "'no' is no file"),
    '[[runs]]\nguests = ["none.elf"]': (2, "runs[0].guests[0]", "there is no such file"),
    '[[runs]]\nguests = "*.elf"': (2, "runs[0].guests", "'*.elf' matches nothing"),
    '[[runs]]\nguests = "some.toml"': (2, "runs[0].guests", "it is not an ELF file"),
    f'[[runs]]\nname = "a"\n{HELLO}\n[[runs]]\nname = "a"\n{HELLO}': (
        5,
        "runs[1].name",
        "'a' is there twice; expected a name for each",
    ),
    f'[defaults]\nname = "a"\n[[runs]]\n{HELLO}': (2, "defaults.name", "unknown key"),
    f"[defaults]\nsmp = 0\n[[runs]]\n{HELLO}": (2, "defaults.smp", "0 is out of range"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_with_its_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line, key, said = WRONG[text]
    file = tmp_path / "some.toml"
    file.write_text(text)
    assert run_here(file) == 2
    captured = capsys.readouterr()
    place = f"mttcg: {file}:{line}: " + (f"{key}: " if key else "")
    assert captured.err.startswith(place)
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "some.results").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ":1: No such file or directory; expected a file"),
        (b"name = 'a'\nx = '\xff'", ":2: it is not UTF-8; expected TOML"),
    ],
)
def test_a_file_that_is_no_text(
    content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.toml"
    if content is not None:
        file.write_bytes(content)
    assert run_here(file) == 2
    assert capsys.readouterr().err == f"mttcg: {file}{said}\n"


def test_a_matrix_has_the_defaults_and_its_own(tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text(f"""
        output = "there"
        [defaults]
        smp = [1, 2]
        set = {{ a = 1, b = 2 }}
        labels = {{ x = "1" }}
        [[runs]]
        {HELLO}
        smp = 4
        set = {{ b = [3, 4] }}
        labels = {{ y = true }}
    """)
    found = read_campaign(file)
    assert (found.name, found.output, found.retries) == ("some", tmp_path / "there", 2)
    [matrix] = found.matrices
    values = {key: [choice.value for choice in choices] for key, choices in matrix.axes.items()}
    assert values["smp"] == [4]
    assert (values["set.a"], values["set.b"]) == ([1], [3, 4])
    assert matrix.labels == {"x": "1", "y": True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs", "0"], "--jobs: 0 is out of range; expected 1 to 4096"),
        (["--again", "some"], "--again: 'some' is not known; expected failed or all"),
        (["--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], "--jobs: the scheduler knows"),
        (["--tls-ca", "ca.pem"], "--tls-ca: there is no --scheduler; expected both, or neither"),
    ],
)
def test_options_that_cannot_be(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(tmp_path / "some.toml", *arguments) == 2
    assert capsys.readouterr().err.startswith(f"mttcg: {said}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("here", "it is not an address; expected tcp://127.0.0.1:PORT or tls://HOST:PORT"),
        ("tcp://127.0.0.1", "it is not an address"),
        ("tcp://127.0.0.1:70000", "it is not an address"),
        ("ucx://127.0.0.1:80", "it is not an address"),
        (
            "tcp://192.0.2.1:8786",
            "it reaches beyond this machine, and tcp:// is not protected; ",
        ),
        ("tcp://[2001:db8::1]:8786", "it reaches beyond this machine"),
        ("tcp://localhost.example.org:8786", "it reaches beyond this machine"),
        ("tls://192.0.2.1:8786", "there is no --tls-ca, nor one in Dask's configuration"),
        ("tcp://127.0.0.1:9", "nobody to talk to ("),
        ("tcp://[::1]:9", "nobody to talk to ("),
    ],
)
def test_schedulers_that_are_not_safe_or_not_there(
    url: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.toml"
    file.write_text(f"[[runs]]\n{HELLO}\n")
    assert run_here(file, "--scheduler", url) == 2
    assert f"mttcg: --scheduler {url}: {said}" in capsys.readouterr().err


def test_certificates_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "ca.pem"
    url = "tls://192.0.2.1:8786"
    assert run_here(tmp_path / "some.toml", "--scheduler", url, "--tls-ca", absent) == 2
    assert f"--tls-ca: there is no file {absent}" in capsys.readouterr().err
    url = "tcp://127.0.0.1:8786"
    assert run_here(tmp_path / "some.toml", "--scheduler", url, "--tls-ca", absent) == 2
    assert "tcp:// has no certificates; expected tls://" in capsys.readouterr().err


def test_a_directory_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.toml"
    file.write_text(f"[[runs]]\n{HELLO}\n")
    assert run_here(file, "--output", tmp_path) == 2
    assert "it is not empty, and holds no results of a campaign" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [file]
    assert run_here(file, "--output", tmp_path / "no" / "where") == 2
    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("depth", [250, 330, 5000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a=", "}")])
def test_values_that_lie_too_deep_are_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], depth: int, opening: str, closing: str
) -> None:
    path = tmp_path / "deep.toml"
    lines = ['# [ "', f"x = {opening * depth}1{closing * depth}", "y = '[[['", ""]
    path.write_text("\n".join(lines))
    assert run_here(path, "--list") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    if depth >= 5000:
        wrong = f"values in values, {depth} deep; expected what a campaign file has"
        assert err == f"mttcg: {path}:2: {wrong}\n"
    else:  # whether Python goes so deep is for it to say
        assert err.startswith(f"mttcg: {path}:")
