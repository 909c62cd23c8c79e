"""The arrows between the packages, sizes, and other rules, read from the sources themselves."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from arrows import ANYBODY, ARROWS, ROOMS

ROOT = Path(__file__).parents[2]
PACKAGES = ("mttcg", "bus/mttcg_bus", "plugins/mttcg_plugins")
EVERYTHING = ("mttcg", "bus", "plugins", "tests", "bench", "docs", "examples")
LONGEST_FILE, LONGEST_FUNCTION, MOST_METHODS = 500, 60, 30
PLUGINS_MAY_IMPORT = ("mttcg.instrument", "mttcg_plugins", "mttcg_bus")

PLACES = {
    # only the wire format knows how messages are encoded
    "msgpack": {"bus/mttcg_bus/wire/wire.py"},
    # the benchmarks are loaded when they are asked for, and by nothing else
    "mttcg_bench": {"mttcg/cli/bench.py"},
    "zstandard": {
        "bus/mttcg_bus/recording/columns.py",
        *("mttcg/guest/compressed.py", "mttcg/snapshot/compression.py"),
        "mttcg/instrument/program/debug_sections.py",
    },
    "zmq": {
        "bus/mttcg_bus/subscriber/dealer.py",
        "bus/mttcg_bus/publisher/publisher.py",
        "bus/mttcg_bus/publisher/router.py",
        "bus/mttcg_bus/wire/security.py",
        "bus/mttcg_bus/subscriber/subscriber.py",
        "bus/mttcg_bus/wire/socket_options.py",
    },
    "unicorn": {"mttcg/engine/unicorn"},
    "capstone": {"mttcg/isa/riscv64/code.py"},
    "elftools": {
        "mttcg/guest/elf.py",
        "mttcg/images/modules.py",
        "mttcg/linux/program_place.py",
        "mttcg/linux/symbol_files.py",
        "mttcg/linux/type_files.py",
        "mttcg/programs/executable.py",
        "mttcg/instrument/program/elf_functions.py",
        "mttcg/instrument/program/elf_segments.py",
        "mttcg/instrument/program/separate_files.py",
        "mttcg/instrument/program/source_lines.py",
        "mttcg/instrument/program/debug_sections.py",
    },
    "psutil": {"mttcg/supervisor/results/host_facts.py", "mttcg/cli/runs.py"},
    "rich": {"mttcg/cli"},
    "pydemumble": {"mttcg/instrument/program/symbol_names.py"},
    "cloudpickle": {"mttcg/supervisor/start/plugin_objects.py"},
    "distributed": {f"mttcg/campaign/{name}.py" for name in ("cluster", "scheduler", "worker")},
    # native code: what translated code calls, and the words it is written in
    "numba": {
        *("mttcg/engine", "mttcg/instrument/native", "mttcg/native"),
        *("mttcg/firmware/riscv64/native.py", "mttcg/hardware/interrupts/plic_native.py"),
        "mttcg/hardware/devices/uart16550_native.py",
        "mttcg/hardware/devices/virtio/transport_native.py",
    },
    "llvmlite": {
        "mttcg/engine",
        "mttcg/instrument/native/native.py",
        "mttcg/instrument/native/native_functions.py",
        "mttcg/native/host.py",
    },
}
"""Who may import a dependency, so that each has one home: files, or whole folders."""
ENVIRONMENT = {
    "mttcg/engine/llvm/ir/verify.py": "tests switch checks on, in every process that they start",
    "mttcg/instrument/native/native_cache.py": "where compiled code is kept, for numba to find",
    "mttcg/cli/exec.py": "what of it a program in a guest is to get",
    "bus/mttcg_bus/host/threads.py": "that of our processes: no library may start threads in them",
}
"""Modules that use the environment, and what for; options are arguments, not variables."""
PRINTERS = {
    **dict.fromkeys(
        ("mttcg/cli/ctl.py", "mttcg/cli/ps.py"),
        "JSON for programs, which has no character beyond ASCII's printable ones",
    ),
    "mttcg/cli/completion.py": "a script for a shell, of our own words",
}
"""Modules that print past mttcg/terminal.py, which makes text of others harmless, and why."""
HEAVY = {"unicorn", "numba", "llvmlite", "capstone"}
"""What only the vCPU processes load."""
FOR_THE_SUPERVISOR = {
    *("attachments", "check_counters", "device_end", "kept_models", "segments", "trap_loops"),
}
"""Modules of `processes` that the supervisor uses: what both sides of a segment or message know."""
RAW = {"bus/mttcg_bus/ring/ring.py", "bus/mttcg_bus/ring/consumer.py"}
"""Where Python stores into memory that another process reads without a lock."""
RAW_NAMES = {"words", "slots"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Every import anywhere in a file: line and full name of what is imported."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def part_of(path: Path) -> str:
    """The part of mttcg that a file belongs to: its folder, or its own name at the top."""
    return path.relative_to(ROOT / "mttcg").with_suffix("").parts[0]


def test_every_part_of_mttcg_is_in_the_table() -> None:
    assert {part_of(path) for path in sources("mttcg")} == ARROWS.keys()


def test_arrows_between_the_parts_of_mttcg() -> None:
    wrong = []
    for path in sources("mttcg"):
        part = part_of(path)
        allowed = ARROWS[part] | ANYBODY | {part}
        for line, name in imports_of(path):
            head, _, rest = name.partition(".")
            if head == "mttcg_plugins" or (head == "mttcg" and rest.split(".")[0] not in allowed):
                wrong.append(f"{name_of(path)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("part", ROOMS)
def test_arrows_between_the_rooms_of_a_part(part: str) -> None:
    rooms, package = ROOMS[part], part.removeprefix("bus/").replace("/", ".")
    assert {path.parent.name for path in (ROOT / part).glob("*/__init__.py")} == rooms.keys()
    wrong = []
    for room, allowed in rooms.items():
        for path in sources(f"{part}/{room}"):
            for line, name in imports_of(path):
                target = name.removeprefix(f"{package}.").split(".")[0]
                if name.startswith(f"{package}.") and target in rooms.keys() - allowed - {room}:
                    wrong.append(f"{name_of(path)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("arrows", [ARROWS, *ROOMS.values()])
def test_a_table_of_arrows_has_no_cycle(arrows: dict[str, set[str]]) -> None:
    done: set[str] = set()
    while waiting := arrows.keys() - done:
        free = {part for part in waiting if arrows[part] <= done}
        assert free, f"a cycle among {sorted(waiting)}"
        done |= free


def test_the_supervisor_uses_what_both_sides_know_alone() -> None:
    used = {
        name.split(".")[2]
        for path in sources("mttcg/supervisor")
        for _, name in imports_of(path)
        if name.startswith("mttcg.processes.")
    }
    assert used == FOR_THE_SUPERVISOR


def test_the_bus_imports_nothing_of_ours() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in sources("bus")
        for line, name in imports_of(path)
        if name.split(".")[0] in {"mttcg", "mttcg_plugins"}
    ]
    assert wrong == []


def test_plugins_import_the_public_api_alone() -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in [*sources("plugins"), *sources("examples/plugins")]
        for line, name in imports_of(path)
        if name.startswith("mttcg")
        and not any(name == known or name.startswith(f"{known}.") for known in PLUGINS_MAY_IMPORT)
    ]
    assert wrong == []


@pytest.mark.parametrize("dependency", PLACES)
def test_a_dependency_is_imported_in_its_place_alone(dependency: str) -> None:
    allowed = PLACES[dependency]
    wrong = [
        f"{name_of(path)}:{line}"
        for path in sources(*PACKAGES)
        for line, name in imports_of(path)
        if name.split(".")[0] == dependency
        and not any(
            name_of(path) == place or name_of(path).startswith(f"{place}/") for place in allowed
        )
    ]
    assert wrong == []


def test_no_relative_imports() -> None:
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources(*EVERYTHING)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert wrong == []


def test_no_file_is_too_long() -> None:
    lengths = {name_of(path): path.read_bytes().count(b"\n") for path in sources(*EVERYTHING)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def last_line(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno


def test_no_function_is_too_long() -> None:
    wrong = [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path in sources(*EVERYTHING)
        for function in functions_of(path)
        if last_line(function) - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert wrong == []


def test_no_class_has_too_many_methods() -> None:
    """Those of our classes that it inherits from count as well."""
    classes = {
        (path, node.name): node
        for path in sources("mttcg", "bus", "plugins", "bench")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }
    by_name: dict[str, list[tuple[Path, str]]] = {}
    for path, name in classes:
        by_name.setdefault(name, []).append((path, name))

    def methods_of(path: Path, name: str) -> set[str]:
        found = set()
        for base in classes[path, name].bases:
            of_file = (path, ast.unparse(base))
            elsewhere = by_name.get(of_file[1], [])
            bases = [of_file] if of_file in classes else elsewhere if len(elsewhere) == 1 else []
            for key in bases:
                found |= methods_of(*key)
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        return found | {
            part.name for part in classes[path, name].body if isinstance(part, functions)
        }

    many = {
        f"{name_of(path)} {name}": len(methods_of(path, name))
        for path, name in classes
        if len(methods_of(path, name)) > MOST_METHODS
    }
    assert many == {}


def test_errors_are_raised_by_a_class_of_their_own() -> None:
    wrong = []
    for path in sources(*PACKAGES, "bench", "docs", "examples"):
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Raise):
                continue
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(raised, ast.Name) and raised.id in {"RuntimeError", "Exception"}:
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert wrong == []


def test_the_environment_is_used_where_the_table_says_alone() -> None:
    names = {"environ", "environb", "getenv", "putenv", "unsetenv"}
    users = {
        name_of(path)
        for path in sources(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr in names) == ("os", True)
    }
    assert users == ENVIRONMENT.keys()


@pytest.mark.parametrize("imported", ["mttcg", "mttcg_bus", "mttcg.instrument", "mttcg.cli"])
def test_importing_is_light(imported: str) -> None:
    program = f"import sys, {imported}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert HEAVY.intersection(loaded) == set()


@pytest.mark.parametrize(("engine", "only"), [("llvm", set()), ("unicorn", {"unicorn"})])
def test_a_vcpu_host_loads_its_own_engine_alone(engine: str, only: set[str]) -> None:
    """Before anything is attached: that may need numba. What was compiled is kept."""
    load = "import mttcg.processes.vcpu_process; from mttcg.processes.engine_modules import "
    load += f"load_engine; load_engine({engine!r})"
    for _ in ("what is kept now", "what is loaded"):
        loaded = subprocess.run(
            [sys.executable, "-c", f"import sys; {load}; print(*sys.modules)"],
            capture_output=True, text=True, check=True, cwd=ROOT,
        ).stdout.split()  # fmt: skip
    assert HEAVY.intersection(loaded) == only


def test_a_run_is_started_before_what_only_its_end_needs_is_loaded() -> None:
    load = "import mttcg.cli.run, mttcg.supervisor.machine, mttcg.supervisor.run"
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys; {load}; print(*sys.modules)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout.split()  # fmt: skip
    assert {"asyncio", "psutil", "rich", "importlib.metadata"}.intersection(loaded) == set()


def prints(node: ast.AST) -> bool:
    """Whether a call prints: by print(), by the traceback module, or to a standard stream."""
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    return called in {"print", "sys.stdout.write", "sys.stderr.write"} or called.startswith(
        "traceback.print_"
    )


def test_lines_are_printed_by_the_terminals_module_alone() -> None:
    users = {
        name_of(path)
        for path in sources(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if prints(node)
    }
    assert users == PRINTERS.keys()


def test_unicorn_and_msgpack_are_in_no_process_together() -> None:
    """Their licences, GPL-2.0-only and Apache-2.0, do not go together; see docs/licences.md."""
    load = """
import importlib, sys
from mttcg.instrument.loading.loader import import_source, project_plugins
import mttcg.processes.vcpu_process
from mttcg.processes.engine_modules import load_engine
import mttcg.processes.host
load_engine("unicorn")
for plugin in project_plugins():
    import_source(plugin)
print(*sys.modules)
"""
    loaded = subprocess.run(
        [sys.executable, "-c", load], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert "unicorn" in loaded
    assert "msgpack" not in loaded


def stores_raw(function: ast.AST) -> bool:
    """Whether a function stores through a subscript of one of the RAW_NAMES."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if name in RAW_NAMES:
                return True
    return False


def test_a_raw_store_says_beside_it_who_may_write_there() -> None:
    checked, wrong = 0, []
    for path in map(ROOT.joinpath, sorted(RAW)):
        lines = path.read_text(encoding="utf-8").splitlines()
        for function in filter(stores_raw, functions_of(path)):
            checked += 1
            if not any(
                "# SAFETY:" in line for line in lines[function.lineno : last_line(function)]
            ):
                wrong.append(f"{name_of(path)}:{function.lineno} {function.name}")
    assert checked > 5
    assert wrong == []
