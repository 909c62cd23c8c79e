"""Flattened device trees (Devicetree Specification v0.4, section 5) and that of the virt board."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

MAGIC = 0xD00DFEED
VERSION, LAST_COMPATIBLE_VERSION = 17, 16
HEADER = struct.Struct(">10I")
BEGIN_NODE, END_NODE, PROPERTY, END = 1, 2, 3, 9
RESERVATIONS_END = bytes(16)

ISA = "rv64imafdc"
TIMEBASE = 10_000_000
"""Ticks of mtime a second."""
SOFTWARE_INTERRUPT, TIMER_INTERRUPT = 3, 7
"""Machine-level interrupt numbers (RISC-V privileged architecture, mcause)."""
POWEROFF_VALUE, REBOOT_VALUE = 0x5555, 0x7777


@dataclass(frozen=True)
class Node:
    """One node: its name (with unit address), properties by name, and children, in order."""

    name: str
    properties: dict[str, bytes] = field(default_factory=dict)
    children: tuple["Node", ...] = ()


@dataclass(frozen=True)
class DeviceNode:
    """What the device tree says of one device."""

    name: str
    """Generic name, without unit address, such as "serial"."""
    base: int
    """Guest physical address."""
    size: int
    """Bytes of address space."""
    compatible: tuple[str, ...]
    properties: dict[str, bytes] = field(default_factory=dict)
    """More properties than `reg` and `compatible`."""
    interrupts: tuple[int, ...] = ()
    """Interrupts that it raises at every hart."""

    @property
    def unit_name(self) -> str:
        """Name with unit address."""
        return f"{self.name}@{self.base:x}"


def cells(*values: int) -> bytes:
    """Encode 32-bit cells (section 2.2.4, <u32> and <prop-encoded-array>)."""
    return struct.pack(f">{len(values)}I", *values)


def wide(*values: int) -> bytes:
    """Encode 64-bit values as two cells each (<u64>)."""
    return struct.pack(f">{len(values)}Q", *values)


def strings(*values: str) -> bytes:
    """Encode a <stringlist>, or a <string> if it is one."""
    return b"".join(value.encode() + b"\0" for value in values)


def flatten(root: Node) -> bytes:
    """Return the flattened tree (section 5): header, reservations (none), structure, strings.

    The name of `root` has to be "". The size is a multiple of 8.
    """
    names: dict[str, int] = {}
    structure = _flatten_node(root, names) + cells(END)
    name_block = strings(*names)
    reservations_at = HEADER.size
    structure_at = reservations_at + len(RESERVATIONS_END)
    strings_at = structure_at + len(structure)
    total = _aligned(strings_at + len(name_block), 8)
    header = HEADER.pack(
        MAGIC,
        total,
        structure_at,
        strings_at,
        reservations_at,
        VERSION,
        LAST_COMPATIBLE_VERSION,
        0,  # boot_cpuid_phys
        len(name_block),
        len(structure),
    )
    return (header + RESERVATIONS_END + structure + name_block).ljust(total, b"\0")


def _flatten_node(node: Node, names: dict[str, int]) -> bytes:
    """Return the structure block of a node (section 5.4); `names`: offset of each name so far."""
    parts = [cells(BEGIN_NODE), _padded(strings(node.name))]
    for name, value in node.properties.items():
        offset = names.setdefault(name, sum(len(known) + 1 for known in names))
        parts += [cells(PROPERTY, len(value), offset), _padded(value)]
    parts += [_flatten_node(child, names) for child in node.children]
    return b"".join([*parts, cells(END_NODE)])


def _padded(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data), 4), b"\0")


def _aligned(size: int, alignment: int) -> int:
    return (size + alignment - 1) // alignment * alignment


def board_tree(
    smp: int,
    ram_base: int,
    ram_size: int,
    devices: Sequence[DeviceNode],
    bootargs: str = "",
    *,
    htif: bool = False,
    isa: str = ISA,
) -> bytes:
    """Return the flattened device tree of the board; names and compatibles as on QEMU's virt.

    `smp`: number of harts. `ram_base`, `ram_size`: bytes. `htif`: whether the guest has `tohost`.
    `isa`: what the harts have, as in `riscv,isa`.
    A device "serial" is where the console is, a device "test" is what powers the board off.
    """
    devices_by_name = {device.name: device for device in devices}
    chosen = {}
    if "serial" in devices_by_name:
        chosen["stdout-path"] = strings(f"/soc/{devices_by_name['serial'].unit_name}")
    if bootargs:
        chosen["bootargs"] = strings(bootargs)
    ram = {"device_type": strings("memory"), "reg": wide(ram_base, ram_size)}
    children = [
        Node("chosen", chosen),
        Node(f"memory@{ram_base:x}", ram),
        _processors(smp, isa),
        _devices(smp, devices),
    ]
    if "test" in devices_by_name:
        phandle = _device_phandle(smp, devices.index(devices_by_name["test"]))
        children += [
            _switch("poweroff", phandle, POWEROFF_VALUE),
            _switch("reboot", phandle, REBOOT_VALUE),
        ]
    if htif:
        children.append(Node("htif", {"compatible": strings("ucb,htif0")}))
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


def _device_phandle(smp: int, index: int) -> int:
    """Phandles of devices come after those of the harts."""
    return 2 * smp + 1 + index


def _processors(smp: int, isa: str) -> Node:
    """The /cpus node (section 3.8; RISC-V binding riscv/cpus.yaml)."""
    harts = tuple(_processor(hart, isa) for hart in range(smp))
    cores = tuple(
        Node(f"core{hart}", {"cpu": cells(_processor_phandle(hart))}) for hart in range(smp)
    )
    properties = {
        "#address-cells": cells(1),
        "#size-cells": cells(0),
        "timebase-frequency": cells(TIMEBASE),
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
        "mmu-type": strings("riscv,none"),
    }
    return Node(f"cpu@{hart:x}", properties, (Node("interrupt-controller", controller),))


def _devices(smp: int, devices: Sequence[DeviceNode]) -> Node:
    """The /soc node, with a node per device."""
    nodes = tuple(
        _device(smp, device, _device_phandle(smp, index)) for index, device in enumerate(devices)
    )
    properties = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "compatible": strings("simple-bus"),
        "ranges": b"",
    }
    return Node("soc", properties, nodes)


def _device(smp: int, device: DeviceNode, phandle: int) -> Node:
    properties = {
        "phandle": cells(phandle),
        "reg": wide(device.base, device.size),
        "compatible": strings(*device.compatible),
        **device.properties,
    }
    if device.interrupts:
        pairs = [
            cell
            for hart in range(smp)
            for interrupt in device.interrupts
            for cell in (_controller_phandle(hart), interrupt)
        ]
        properties["interrupts-extended"] = cells(*pairs)
    return Node(device.unit_name, properties)


def _switch(name: str, phandle: int, value: int) -> Node:
    """Say that writing `value` at offset 0 of a device does `name` (syscon-poweroff.yaml)."""
    properties = {
        "compatible": strings(f"syscon-{name}"),
        "regmap": cells(phandle),
        "offset": cells(0),
        "value": cells(value),
    }
    return Node(name, properties)
