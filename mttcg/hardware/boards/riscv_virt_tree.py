"""The device tree of the virt board; names and compatibles as on QEMU's."""

from collections.abc import Mapping, Sequence

from mttcg.hardware.board import Board, DeviceNode, DeviceRow
from mttcg.hardware.devicetree import Node, cells, flatten, strings, wide
from mttcg.isa.riscv64.extensions import BLOCK_BYTES

BASE = "rv64"
POWEROFF_VALUE, REBOOT_VALUE = 0x5555, 0x7777


def virt_tree(
    board: Board,
    rows: Sequence[DeviceRow],
    smp: int,
    ram_size: int,
    *,
    isa: str,
    chosen: Mapping[str, bytes],
) -> bytes:
    """Return the flattened device tree, see `mttcg.hardware.board.MakeTree`.

    A device "serial" is where the console is, a device "test" is what powers the board off. A
    device at a symbol of the guest has no address here: whoever uses it knows the symbol.
    """
    phandles = {row.name: 2 * smp + 1 + index for index, row in enumerate(rows)}
    by_node = {row.node.name: row for row in rows if row.node is not None}
    console = {}
    if "serial" in by_node:
        console["stdout-path"] = strings(f"/soc/{_unit_name(by_node['serial'])}")
    ram = {"device_type": strings("memory"), "reg": wide(board.ram_base, ram_size)}
    children = [
        Node("chosen", {**console, **chosen}),
        Node(f"memory@{board.ram_base:x}", ram),
        _processors(smp, isa, board.timebase),
        _soc(smp, rows, phandles),
    ]
    if "test" in by_node:
        phandle = phandles[by_node["test"].name]
        children += [
            _switch("poweroff", phandle, POWEROFF_VALUE),
            _switch("reboot", phandle, REBOOT_VALUE),
        ]
    children += [
        Node(row.node.name, _described(row.node))
        for row in rows
        if row.node is not None and not _addresses(row)
    ]
    properties = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "compatible": strings("riscv-virtio"),
        "model": strings("riscv-virtio,mttcg"),
    }
    return flatten(Node("", properties, tuple(children)))


def _processor_phandle(hart: int) -> int:
    return 2 * hart + 1


def _controller_phandle(hart: int) -> int:
    return 2 * hart + 2


def _processors(smp: int, isa: str, timebase: int) -> Node:
    """The /cpus node (section 3.8; RISC-V binding riscv/cpus.yaml)."""
    harts = tuple(_processor(hart, isa) for hart in range(smp))
    cores = tuple(
        Node(f"core{hart}", {"cpu": cells(_processor_phandle(hart))}) for hart in range(smp)
    )
    properties = {
        "#address-cells": cells(1),
        "#size-cells": cells(0),
        "timebase-frequency": cells(timebase),
    }
    return Node("cpus", properties, (*harts, Node("cpu-map", {}, (Node("cluster0", {}, cores),))))


def _processor(hart: int, isa: str) -> Node:
    controller = {
        "#address-cells": cells(0),
        "#interrupt-cells": cells(1),
        "interrupt-controller": b"",
        "compatible": strings("riscv,cpu-intc"),
        "phandle": cells(_controller_phandle(hart)),
    }
    properties = {
        "phandle": cells(_processor_phandle(hart)),
        "device_type": strings("cpu"),
        "reg": cells(hart),
        "status": strings("okay"),
        "compatible": strings("riscv"),
        "riscv,isa": strings(isa),
        **_extensions(isa),
        "mmu-type": strings("riscv,sv57"),
        # on every engine, so that reading the tree takes a guest as many instructions on each
        **{f"riscv,{name}-block-size": cells(BLOCK_BYTES) for name in ("cbom", "cbop", "cboz")},
    }
    return Node(f"cpu@{hart:x}", properties, (Node("interrupt-controller", controller),))


def _extensions(isa: str) -> dict[str, bytes]:
    """Say what `riscv,isa` says in the newer way (RISC-V binding riscv/extensions.yaml)."""
    letters, *others = isa.removeprefix(BASE).split("_")
    return {
        "riscv,isa-base": strings(f"{BASE}i"),
        "riscv,isa-extensions": strings(*letters, *others),
    }


def _soc(smp: int, rows: Sequence[DeviceRow], phandles: Mapping[str, int]) -> Node:
    """The /soc node, with a node per device that has an address."""
    nodes = tuple(
        Node(_unit_name(row), _properties(row, row.node, smp, phandles))
        for row in rows
        if row.node is not None and _addresses(row)
    )
    properties = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "compatible": strings("simple-bus"),
        "ranges": b"",
    }
    return Node("soc", properties, nodes)


def _addresses(row: DeviceRow) -> list[int]:
    """Base and size of each region at a fixed address, one after the other."""
    found = []
    for region in row.regions:
        if isinstance(region.base, int):
            found += [region.base, region.size]
    return found


def _unit_name(row: DeviceRow) -> str:
    assert row.node is not None
    return f"{row.node.name}@{_addresses(row)[0]:x}"


def _described(node: DeviceNode) -> dict[str, bytes]:
    return {"compatible": strings(*node.compatible), **node.properties}


def _properties(
    row: DeviceRow, node: DeviceNode, smp: int, phandles: Mapping[str, int]
) -> dict[str, bytes]:
    properties = {
        "phandle": cells(phandles[row.name]),
        "reg": wide(*_addresses(row)),
        **_described(node),
    }
    lines = [
        cell
        for hart in range(smp)
        for interrupt in row.hart_inputs
        for cell in (_controller_phandle(hart), interrupt)
    ]
    if row.interrupt is not None:
        lines += [phandles[row.interrupt.controller], row.interrupt.number]
    if lines:
        properties["interrupts-extended"] = cells(*lines)
    return properties


def _switch(name: str, phandle: int, value: int) -> Node:
    """Say that writing `value` at offset 0 of a device does `name` (syscon-poweroff.yaml)."""
    properties = {
        "compatible": strings(f"syscon-{name}"),
        "regmap": cells(phandle),
        "offset": cells(0),
        "value": cells(value),
    }
    return Node(name, properties)
