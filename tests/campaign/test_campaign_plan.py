"""The runs of a campaign: every combination once, each known by its content."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from campaign_harness import run_here
from run_harness import guest

from mttcg.campaign.file import read_campaign
from mttcg.campaign.places import ContentMissingError, Places
from mttcg.campaign.plan import CampaignPlan, PlannedRun, Planner, make_plan
from mttcg.campaign.task import arguments_of
from mttcg.cli import build_parser
from mttcg.cli.run import make_config
from mttcg.instrument.loading.loader import load_plugin

PLUGIN = "from mttcg.instrument import Counter, instrument\n\n\ndef plugin_init(_):\n    {}\n"
"""With commas and braces in names, too."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two guests and a plugin."""
    for name in ("mix", "hello"):
        shutil.copy(guest(name), tmp_path / f"{name}.elf")
    (tmp_path / "mine.py").write_text(PLUGIN.format("return True"))
    return tmp_path


def plan_of(folder: Path, text: str) -> CampaignPlan:
    (folder / "some.toml").write_text(text)
    return make_plan(read_campaign(folder / "some.toml"))


TEXT = """
[[runs]]
name = "all"
guests = ["*.elf", "hello.elf"]
smp = [1, 2]
plugins = [[], ["icount", "./mine.py"], "hotblocks,top=3"]
repeats = 2
[[runs]]
name = "set"
guests = "mix.elf"
memory = "64M"
set = { rounds = [1, 0x7FFFFFFFFFFFFFFF, -1] }
"""


def test_every_combination_is_there_once_and_repeats_are_apart(folder: Path) -> None:
    plan = plan_of(folder, TEXT)
    titles = [run.task.title for run in plan.runs]
    assert len(titles) == len(set(titles)) == 2 * 2 * 3 * 2 + 3
    assert titles[:3] == [
        "all: hello smp=1 plugins=none #1",
        "all: hello smp=1 plugins=icount+./mine.py #1",
        "all: hello smp=1 plugins=hotblocks,top=3 #1",
    ]
    assert titles[12] == "all: hello smp=1 plugins=none #2"
    assert titles[-1] == "set: mix rounds=-1"
    assert len(plan.tasks()) == len(titles)


def test_the_arguments_of_a_run_are_what_the_plan_says(folder: Path) -> None:
    more = (
        'policy = { hotblocks = "drop" }\nstop-on-trap-loop = true\ntiers = "interpreter"\nmemory'
    )
    plan = plan_of(folder, TEXT.replace("memory", more))
    paths = {file.digest: Path(file.path) for run in plan.runs for file in run.task.files}
    for run in plan.runs:
        arguments = arguments_of(run.task, paths, folder / "result.json")
        config = make_config(build_parser().parse_args(arguments))
        assert config.guest == folder / run.guest
        assert {name: getattr(config, name) for name in run.task.settings} == run.task.settings
        assert len(config.plugins) == len(run.task.plugins)
    assert config.symbols_set == {"rounds": -1}
    assert config.policies == {"hotblocks": "drop"}
    assert config.stop_on_trap_loop
    assert config.tiers == "interpreter"
    assert config.memory == 64 << 20
    spec = plan.runs[1].task.plugins[1].spec(folder / "a,b" / "mine.py")
    assert spec == f"{folder}/a,,b/mine.py"


def keys_of(folder: Path, text: str) -> list[str]:
    return [run.task.key for run in plan_of(folder, text).runs]


def test_a_run_is_known_by_its_content(folder: Path) -> None:
    text = '[[runs]]\nguests = "mix.elf"\nplugins = "./mine.py"\n'
    [key] = keys_of(folder, text)
    # where a file is, names, limits and what is expected make no other run
    shutil.copy(folder / "mix.elf", folder / "copy.elf")
    same = text.replace("mix.elf", "copy.elf") + 'name = "x"\nlabels = { a = 1 }\n'
    assert keys_of(folder, same + "time-limit = 5\nexpect = 1\nsmp = 1\nmemory = '128M'") == [key]
    others = [
        keys_of(folder, text.replace("mix", "hello")),
        keys_of(folder, text + "smp = 2"),
        keys_of(folder, text + "memory = '64M'"),
        keys_of(folder, text + "engine = 'unicorn'"),
        keys_of(folder, text + "tiers = 'interpreter'"),
        keys_of(folder, text + "set = { rounds = 3 }"),
        keys_of(folder, text + "input = 'some.toml'"),
        keys_of(folder, text + "pin = true"),
        keys_of(folder, text + "shards = 1"),
        keys_of(folder, text.replace('"./mine.py"', "[]")),
        keys_of(folder, text + "repeats = 2")[1:],
    ]
    (folder / "mine.py").write_text(PLUGIN.format("return None"))
    others.append(keys_of(folder, text))
    flat = [other for keys in others for other in keys]
    assert len({key, *flat}) == 1 + len(others)


def test_the_modules_beside_a_plugin_are_part_of_it(folder: Path, tmp_path: Path) -> None:
    text = '[[runs]]\nguests = "mix.elf"\nplugins = ["./mine.py", "./package"]\n'
    (folder / "package").mkdir()
    for name in ("package/__init__.py", "package/inner.py", "beside.py"):
        (folder / name).write_text("from beside import VALUE\n" if name[-5:] == "_.py" else "")
    (folder / "package" / "__init__.py").write_text("from .inner import VALUE\n")
    (folder / "mine.py").write_text("from beside import VALUE\n")
    keys = []
    for value in (1, 2):
        (folder / "package" / "inner.py").write_text(f"VALUE = {value}\n")
        for other in (1, 2):
            (folder / "beside.py").write_text(f"VALUE = {other}\n")
            keys.append(keys_of(folder, text))
    assert len({key for pair in keys for key in pair}) == 4
    plan = plan_of(folder, text)
    files = [file for run in plan.runs for file in run.task.files if file.path[-4:] != ".elf"]
    places = Places(tmp_path / "scratch", plan.contents)
    assert [places.find(file) for file in files] == [Path(file.path) for file in files]
    (folder / "beside.py").unlink()
    (folder / "package" / "inner.py").write_text("raise AssertionError\n")
    kept = [places.find(file) for file in files]
    assert not any(path.is_relative_to(folder / "package") for path in kept)
    loaded = [load_plugin(str(path)) for path in kept]
    assert [(plugin.name, plugin.module.VALUE) for plugin in loaded] == [
        ("mine", 2),
        ("package", 2),
    ]
    with pytest.raises(ContentMissingError, match=r"beside\.py: not here"):
        Places(tmp_path / "elsewhere", {files[0].digest: b""}).find(files[0])


def test_runs_that_are_the_same_are_one(folder: Path) -> None:
    text = '[[runs]]\nguests = "mix.elf"\n[[runs]]\nguests = "mix.elf"\nlabels = { other = true }\n'
    plan = plan_of(folder, text)
    assert (len(plan.runs), len(plan.tasks())) == (2, 1)


def test_guests_of_one_name_are_told_apart(folder: Path) -> None:
    (folder / "old").mkdir()
    shutil.copy(folder / "mix.elf", folder / "old" / "mix.elf")
    plan = plan_of(folder, '[[runs]]\nguests = "**/*.elf"')
    titles = [run.task.title for run in plan.runs]
    assert titles == ["runs1: hello", "runs1: mix.elf", "runs1: old/mix.elf"]


def test_the_list_shows_the_runs_and_starts_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "some.toml").write_text(TEXT)
    assert run_here(folder / "some.toml", "--list") == 0
    shown = capsys.readouterr().out
    assert shown.count("to do") == 27
    assert "27 runs, 27 different ones" in shown
    assert not (folder / "some.results").exists()


def test_a_long_list_is_shown_as_it_comes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[[runs]]\nguests = "mix.elf"\nrepeats = 1000000\n'
    (folder / "some.toml").write_text(text)
    planned: list[int] = []
    shown: list[tuple[int, str]] = []

    def count(planner: Planner, *arguments: Any, real: Any = Planner.run) -> PlannedRun:
        planned.append(1)
        if len(planned) % 1000 == 0:
            shown.append((len(planned), capsys.readouterr().out))
        if len(planned) == 3000:
            raise KeyboardInterrupt
        run: PlannedRun = real(planner, *arguments)
        return run

    monkeypatch.setattr(Planner, "run", count)
    assert run_here(folder / "some.toml", "--list") == 130
    assert [number for number, _ in shown] == [1000, 2000, 3000]
    first, second, third = (text for _, text in shown)
    assert (first.count("to do"), second.count("to do"), third.count("to do")) == (0, 1000, 1000)
    assert "#1 " in second and "#1001 " in third


def test_a_mistake_in_a_later_matrix_is_said_before_the_list(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[[runs]]\nguests = "mix.elf"\n[[runs]]\nguests = "mix.elf"\nset = { nope = 1 }\n'
    (folder / "some.toml").write_text(text)
    assert run_here(folder / "some.toml", "--list") == 2
    found = capsys.readouterr()
    assert (found.out, found.err.count("\n")) == ("", 1)
    assert "there is no symbol 'nope'" in found.err
