import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_reader import ReadNode, read_tree

from mttcg.hardware.boards.riscv_virt import BOARD, RAM_BASE
from mttcg.hardware.devicetree import Node, cells, flatten, strings, wide

RAM_SIZE = 128 << 20
SAME = (
    "timebase-frequency",
    "clock-frequency",
    "riscv,ndev",
    "interrupt-controller",
    "#interrupt-cells",
    "value",
    "offset",
)


def virt_tree(smp: int, ram_size: int, *, htif: bool = False, bootargs: str = "") -> bytes:
    symbols = {"tohost": RAM_BASE} if htif else {}
    chosen = {"bootargs": strings(bootargs)} if bootargs else {}
    return BOARD.device_tree(smp, ram_size, symbols, isa="rv64imafdc", chosen=chosen)


@pytest.fixture
def tree() -> ReadNode:
    return read_tree(virt_tree(2, RAM_SIZE))


def test_a_tree_is_read_back_as_it_was() -> None:
    child = Node("child@1", {"reg": cells(1), "empty": b"", "text": strings("a", "bc")})
    root = read_tree(flatten(Node("", {"reg": wide(1 << 32)}, (child, Node("other")))))
    assert root.cells("reg") == [1, 0]
    assert root.at("child@1").properties == {"reg": b"\0\0\0\1", "empty": b"", "text": b"a\0bc\0"}
    assert root.at("child@1").strings("text") == ["a", "bc"]
    assert list(root.children) == ["child@1", "other"]


NAMES = st.text("abcdefgh,-", min_size=1, max_size=12)
PROPERTIES = st.dictionaries(NAMES, st.binary(max_size=20), max_size=5)
NODES = st.recursive(
    st.builds(Node, NAMES, PROPERTIES),
    lambda inner: st.builds(
        Node, NAMES, PROPERTIES, st.lists(inner, unique_by=lambda node: node.name).map(tuple)
    ),
    max_leaves=12,
)


def as_read(node: Node) -> ReadNode:
    return ReadNode(node.properties, {child.name: as_read(child) for child in node.children})


@given(node=NODES)
def test_any_tree_is_read_back_as_it_was(node: Node) -> None:
    root = Node("", node.properties, node.children)
    blob = flatten(root)
    assert len(blob) % 8 == 0
    assert read_tree(blob) == as_read(root)


@pytest.mark.parametrize("smp", [1, 2, 64])
def test_every_hart_is_there_with_its_interrupt_controller(smp: int) -> None:
    tree = read_tree(virt_tree(smp, RAM_SIZE))
    harts = [name for name in tree.at("cpus").children if name.startswith("cpu@")]
    assert harts == [f"cpu@{hart:x}" for hart in range(smp)]
    for hart, name in enumerate(harts):
        node = tree.at(f"cpus/{name}")
        assert node.cells("reg") == [hart]
        assert node.strings("riscv,isa") == ["rv64imafdc"]
        assert "interrupt-controller" in node.at("interrupt-controller").properties
    interrupts = tree.at("soc/clint@2000000").cells("interrupts-extended")
    controllers = [
        tree.at(f"cpus/{name}/interrupt-controller").cells("phandle")[0] for name in harts
    ]
    assert interrupts == [
        cell for controller in controllers for cell in (controller, 3, controller, 7)
    ]


def test_phandles_are_unique() -> None:
    nodes = read_tree(virt_tree(64, RAM_SIZE)).paths().values()
    phandles = [node.cells("phandle")[0] for node in nodes if "phandle" in node.properties]
    assert len(set(phandles)) == len(phandles)


def test_memory_is_the_whole_ram() -> None:
    tree = read_tree(virt_tree(1, 5 << 30))
    assert tree.at("memory@80000000").cells("reg") == [0, RAM_BASE, 1, 1 << 30]


def test_the_console_is_the_serial_port(tree: ReadNode) -> None:
    (path,) = tree.at("chosen").strings("stdout-path")
    assert tree.at(path).strings("compatible") == ["ns16550a"]
    assert "bootargs" not in tree.at("chosen").properties


def test_boot_arguments_are_passed() -> None:
    tree = read_tree(virt_tree(1, RAM_SIZE, bootargs="quiet"))
    assert tree.at("chosen").strings("bootargs") == ["quiet"]


def test_power_off_is_by_the_finisher(tree: ReadNode) -> None:
    assert tree.at("poweroff").cells("value") == [0x5555]
    assert tree.at("poweroff").cells("regmap") == tree.at("soc/test@100000").cells("phandle")


def test_htif_is_there_if_asked_for(tree: ReadNode) -> None:
    assert "htif" not in tree.children
    with_htif = read_tree(virt_tree(1, RAM_SIZE, htif=True))
    assert with_htif.at("htif").strings("compatible") == ["ucb,htif0"]


@pytest.mark.skipif(shutil.which("dtc") is None, reason="dtc (device-tree-compiler) is not here")
@pytest.mark.parametrize("htif", [False, True])
def test_dtc_reads_it_without_a_warning(htif: bool) -> None:
    blob = virt_tree(3, RAM_SIZE, htif=htif, bootargs="quiet")
    command = ["dtc", "-I", "dtb", "-O", "dts", "-"]
    result = subprocess.run(command, input=blob, capture_output=True, check=True, timeout=30)
    assert result.stderr == b""
    assert b'compatible = "ns16550a"' in result.stdout


def wires(nodes: dict[str, ReadNode]) -> dict[str, list[tuple[str, int]]]:
    """Where the interrupts of each device go, by the paths of controllers and their numbers.

    A device says so for each (interrupts-extended), or names one controller for all.
    """
    paths = {
        node.cells("phandle")[0]: path
        for path, node in nodes.items()
        if "phandle" in node.properties
    }
    found = {}
    for path, node in nodes.items():
        cells = (
            node.cells("interrupts-extended") if "interrupts-extended" in node.properties else []
        )
        if "interrupts" in node.properties:
            (parent,) = node.cells("interrupt-parent")
            cells = [cell for number in node.cells("interrupts") for cell in (parent, number)]
        if cells:
            pairs = zip(cells[::2], cells[1::2], strict=True)
            found[path] = [(paths[parent], number) for parent, number in pairs]
    return found


@pytest.mark.skipif(shutil.which("qemu-system-riscv64") is None, reason="QEMU is not here")
def test_it_agrees_with_qemu_on_what_both_boards_have(tmp_path: Path, tree: ReadNode) -> None:
    file = tmp_path / "virt.dtb"
    command = ["qemu-system-riscv64", "-machine", f"virt,dumpdtb={file}", "-smp", "2", "-m", "128"]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    theirs = read_tree(file.read_bytes()).paths()
    assert wires(tree.paths()) == {
        path: wire for path, wire in wires(theirs).items() if path in tree.paths()
    }
    for path, node in tree.paths().items():
        assert path in theirs
        for name in ("compatible", "reg", "device_type", "stdout-path", *SAME):
            ours = node.properties.get(name)
            assert ours == theirs[path].properties.get(name), f"{path} {name}"
