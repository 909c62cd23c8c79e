"""What is attached where, on which vCPU and when: it is called there and then, and else never."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from instrument_harness import PLUGINS, lines_by_cpu, plugin, run_guest

HARTS = 4


def test_each_vcpu_has_what_was_attached_on_it(own_guests: dict[str, Path], tmp_path: Path) -> None:
    rounds = 40
    symbols = {"harts": HARTS, "rounds": rounds}
    spec = plugin("per_cpu", out=tmp_path / "out")
    done = run_guest(own_guests["sites"], spec, smp=HARTS, symbols=symbols)
    assert done.in_order, done.result.failures
    found = lines_by_cpu(tmp_path / "out")
    assert sorted(found) == list(range(HARTS))
    for cpu, line in found.items():
        on_all = ("init, all", "init, all, another", "translation, all")
        here = ("translation, own", "translation, lambda")
        on_one = ("init, vCPU 1", "translation, vCPU 1") if cpu == 1 else ()
        assert line["called"] == dict.fromkeys((*on_all, *here, *on_one), rounds) | {"end": 1}
        assert line["most_shown"] == 1, "an instruction is shown once"


@pytest.mark.parametrize("target", [1, -1])
def test_nothing_is_called_after_its_ticket_is_done(
    own_guests: dict[str, Path], tmp_path: Path, target: int
) -> None:
    spec = plugin("remote", out=tmp_path / "out", target=target)
    done = run_guest(own_guests["sites"], spec, smp=HARTS, symbols={"harts": HARTS})
    assert done.in_order, done.result.failures
    found = lines_by_cpu(tmp_path / "out")
    assert [line["wrong"] for line in found.values()] == [[]] * HARTS
    assert len(found[0]["done"]) == 12
    reached = {cpu for cpu, line in found.items() if line["counted"]}
    assert reached == ({target} if target >= 0 else set(range(HARTS)))


def test_attached_and_taken_away_many_times(own_guests: dict[str, Path], tmp_path: Path) -> None:
    spec = plugin("remote", out=tmp_path / "out", times=8)
    done = run_guest(own_guests["sites"], spec, smp=2, symbols={"harts": 2})
    assert done.in_order, done.result.failures
    assert [line["wrong"] for line in lines_by_cpu(tmp_path / "out").values()] == [[], []]


def test_a_thousand_changes_in_one_callback(own_guests: dict[str, Path], tmp_path: Path) -> None:
    spec = plugin("flood", out=tmp_path / "out")
    done = run_guest(own_guests["sites"], spec, smp=HARTS, symbols={"harts": HARTS})
    assert done.in_order, done.result.failures
    found = lines_by_cpu(tmp_path / "out")
    assert [line["sites"] for line in found.values()] == [1024] * HARTS
    assert [line["late"] for line in found.values()] == [[]] * HARTS
    assert found[0]["visits"] >= 3


@pytest.fixture(scope="module")
def on_own_vcpu(
    own_guests: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, object]]:
    out = tmp_path_factory.mktemp("local") / "out"
    done = run_guest(own_guests["sites"], plugin("local", out=out), symbols={"harts": 1})
    assert done.in_order, done.result.failures
    found: dict[str, dict[str, object]] = json.loads(out.read_text())
    return found


def test_changes_on_the_own_vcpu_are_exact(on_own_vcpu: dict[str, dict[str, object]]) -> None:
    expected = {name: [count, count] for name, (_, count) in counts(on_own_vcpu).items()}
    assert on_own_vcpu["found"] == expected
    assert len(expected) == 40


def counts(found: dict[str, dict[str, object]]) -> dict[str, tuple[int, int]]:
    return {name: tuple(pair) for name, pair in found["found"].items()}  # type: ignore[arg-type,misc]


def test_more_and_fewer_sites_are_exact(on_own_vcpu: dict[str, dict[str, object]]) -> None:
    assert on_own_vcpu["sites"] == {"exact": True, "no others": True}


@pytest.fixture
def ordered(tmp_path: Path) -> Callable[..., str]:
    """Specs of plugins of any name that are the same otherwise."""

    def spec(name: str, when: str) -> str:
        path = shutil.copy(PLUGINS / "ordered.py", tmp_path / f"{name}.py")
        return f"{path},when={when},out={tmp_path / name}"

    return spec


def test_plugins_are_called_in_the_order_in_which_they_are_loaded(
    own_guests: dict[str, Path], tmp_path: Path, ordered: Callable[..., str]
) -> None:
    specs = [ordered("zebra", "run"), ordered("ant", "translation"), ordered("cow", "init")]
    done = run_guest(own_guests["sites"], *specs, symbols={"rounds": 5})
    assert done.in_order, done.result.failures
    called = [json.loads((tmp_path / name).read_text()) for name in ("zebra", "ant", "cow")]
    assert called == [list(range(first, 15, 3)) for first in range(3)]


@pytest.mark.parametrize(("guest", "smp"), [("trap", 1), ("selfmod", 2)])
def test_both_shapes_of_2018_count_every_instruction(tmp_path: Path, guest: str, smp: int) -> None:
    symbols = {"rounds": 5} if guest == "selfmod" else {}
    done = run_guest(guest, plugin("both_shapes", out=tmp_path / "out"), smp=smp, symbols=symbols)
    assert done.in_order, done.result.failures
    found = lines_by_cpu(tmp_path / "out")
    for vcpu in done.result.vcpus:
        line = found[vcpu.index]
        begun = vcpu.instructions + vcpu.traps - line.get("no instruction", 0)
        assert line["instrumented"] == begun
        assert 0 < line["before"] < begun
        assert line["instrumented"] + line["before"] == vcpu.callbacks
        assert (line["asked"], line["asked_pcs"]) == (line["shown"], line["pcs"])
        # an address is shown again when there is another instruction
        assert line["shown"] > line["pcs"] if guest == "selfmod" else line["shown"] == line["pcs"]


def test_sites_stay_where_code_is_rewritten(tmp_path: Path) -> None:
    # Hart 0 runs each version of both functions once; hart 1 each version of the second once, and
    # the first all the time.
    rounds = 20
    spec = plugin("at_symbols", out=tmp_path / "out", names="rewritten_instruction+body+guest_trap")
    done = run_guest("selfmod", spec, smp=2, symbols={"rounds": rounds})
    assert done.in_order, done.result.failures
    found = lines_by_cpu(tmp_path / "out")
    assert [found[cpu]["body"] for cpu in (0, 1)] == [rounds, rounds]
    assert [found[cpu]["block body"] for cpu in (0, 1)] == [rounds, rounds]
    assert found[0]["rewritten_instruction"] == rounds
    assert found[1]["rewritten_instruction"] >= rounds
    for vcpu in done.result.vcpus:
        assert found[vcpu.index]["guest_trap"] == vcpu.interrupts
        assert vcpu.cache_invalidated > 0


def test_what_runs_once_runs_again_when_it_is_attached_again(
    own_guests: dict[str, Path], tmp_path: Path
) -> None:
    spec = plugin("armed_again", out=tmp_path / "out")
    done = run_guest(own_guests["sites"], spec, symbols={"rounds": 12})
    assert done.in_order, done.result.failures
    assert json.loads((tmp_path / "out").read_text()) == [13, 12]
