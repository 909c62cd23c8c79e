"""Collapsed stacks, against what hotblocks counted in each function, and by construction."""

from collections import Counter
from pathlib import Path

from plugin_harness import replayed, run_plugins

RUNTIME = ("_start", "runtime_main")


def read_stacks(path: Path) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        found[tuple(stack.split(";"))] += int(count)
    return found


def test_instructions_are_where_hotblocks_counted_them(tmp_path: Path) -> None:
    file = tmp_path / "stacks.txt"
    result = run_plugins("calls", f"callgraph,out={file}", "hotblocks,top=0", smp=2, rounds=1)
    stacks = read_stacks(file)
    for vcpu in result["vcpus"]:
        cpu = f"vCPU {vcpu['index']}"
        own = {stack: n for stack, n in stacks.items() if stack[0] == cpu}
        assert sum(own.values()) == vcpu["instructions"]
    counted: Counter[str] = Counter()
    for row in result["plugins"]["hotblocks"]["hottest"]:
        counted[row["symbol"].partition("+")[0]] += row["executions"] * row["instructions"]
    by_function: Counter[str] = Counter()
    for stack, count in stacks.items():
        by_function[stack[-1]] += count
    for name in ("sort", "interpret", "operation_add", "in_order", "even_turn", "odd_turn"):
        assert by_function[name] == counted[name] > 0, name
    assert any(stack[-2:] == ("interpret", "operation_add") for stack in stacks)
    assert any(stack[-2:] == ("sort", "in_order") for stack in stacks)
    # 65 calls deep: each turn calls the other
    deepest = max(stacks, key=len)
    turns = [name for name in deepest if name.endswith("_turn")]
    assert turns == ["even_turn", "odd_turn"] * 32 + ["even_turn"]


def test_a_trap_is_a_frame_until_mret(tmp_path: Path) -> None:
    file = tmp_path / "stacks.txt"
    result = run_plugins("trap", f"callgraph,out={file}")
    stacks = read_stacks(file)
    assert sum(stacks.values()) == result["vcpus"][0]["instructions"]
    inside = {stack for stack in stacks if "[trap]" in stack}
    assert any("case_ecall_goes_on" in stack for stack in inside)
    assert all(stack.count("[trap]") == 1 for stack in inside)
    assert any(stack[-1] == "finish" for stack in stacks.keys() - inside)


def test_shards_and_a_replay_find_the_same(tmp_path: Path) -> None:
    recording, first, again = tmp_path / "run.rec", tmp_path / "one.txt", tmp_path / "two.txt"
    run_plugins("hello", f"callgraph,out={first}", smp=3, shards=3, record=recording)
    replayed(recording, f"callgraph,out={again}", tmp_path / "report")
    assert first.read_text() == again.read_text() != ""
