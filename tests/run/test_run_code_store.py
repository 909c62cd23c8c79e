"""`--code-store`: a second run has the code of the first, and does the same."""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from mttcg import Machine
from mttcg.cli.run import parse_code_store

GUESTS = Path(__file__).parents[2] / "examples" / "guests"
ROUNDS = {"mix": 100, "paged": 100}


def run(guest: str, store: Path | None, plugins: tuple[str, ...] = (), smp: int = 1) -> Any:
    """Run a guest; its result, and what it printed."""
    console = io.BytesIO()
    machine = Machine(
        GUESTS / f"{guest}.elf",
        smp=smp,
        plugins=plugins,
        check=bool(plugins),
        code_store=store,
        symbols_set={"rounds": ROUNDS[guest], "harts_expected": smp},
    )
    result = machine.run(console=console)
    assert (result.failures, result.exit_status) == ([], 0)
    return result, console.getvalue()


def same(result: Any) -> Any:
    """What is the same in every run of a guest on one hart."""
    vcpu = result.vcpus[0]
    return vcpu.instructions, vcpu.blocks, vcpu.traps, vcpu.interrupts, vcpu.registers


@pytest.mark.parametrize("guest", ROUNDS)
def test_a_second_run_has_the_code_of_the_first(guest: str, tmp_path: Path) -> None:
    store = tmp_path / "code"
    plain, first, second = (run(guest, folder) for folder in (None, store, store))
    assert plain[0].code_cache["stored"] == 0
    assert first[0].code_cache["stored"] > 0
    assert first[0].code_cache["kept_functions"] == 0
    assert second[0].code_cache["kept_functions"] > 0
    assert second[0].code_cache["refused"] == 0
    assert {found[1] for found in (plain, first, second)} == {plain[1]}
    assert same(plain[0]) == same(first[0]) == same(second[0])


@pytest.mark.parametrize("guest", ROUNDS)
def test_kept_code_of_a_plan_counts_exactly(guest: str, tmp_path: Path) -> None:
    plugins = ("icount", "hotblocks")
    found = [run(guest, tmp_path / "code", plugins)[0] for _ in range(2)]
    assert found[1].code_cache["kept_functions"] > 0
    first, second = (result.to_json()["plugins"] for result in found)
    assert second["icount"] == first["icount"]
    assert second["hotblocks"] == first["hotblocks"]
    other, _ = run(guest, tmp_path / "code")
    assert other.code_cache["kept_functions"] == 0, "it is of a plan"


def test_all_vcpus_use_it(tmp_path: Path) -> None:
    found = [run("mix", tmp_path / "code", smp=2) for _ in range(2)]
    assert found[1][0].code_cache["kept_functions"] > 0
    assert sorted(found[0][1].splitlines()) == sorted(found[1][1].splitlines())


def test_damaged_code_is_refused_counted_and_not_run(tmp_path: Path) -> None:
    written, store = tmp_path / "written", tmp_path / "code"
    right, console = run("mix", written)
    shutil.copytree(written, store)  # the translator goes on there
    (path,) = store.glob("*.code")
    content = bytearray(path.read_bytes())
    for at in range(40, len(content), 400):
        content[at] ^= 0x10
    path.write_bytes(content)
    result, again = run("mix", store)
    assert again == console
    assert same(result) == same(right)
    assert result.code_cache["kept_functions"] == 0
    assert result.code_cache["refused"] > 0


def test_a_store_that_others_may_use_is_a_warning(tmp_path: Path) -> None:
    store = tmp_path / "code"
    store.mkdir()
    store.chmod(0o755)
    result, _ = run("mix", store)
    assert result.warnings == [
        f"the code store {store} is not used: others may use it: its mode is 755"
    ]
    assert result.code_cache["stored"] == 0
    assert list(store.iterdir()) == []


def test_off_is_no_folder() -> None:
    assert parse_code_store("off") is None
    assert parse_code_store("~/code") == Path.home() / "code"
