"""The documents that a debugger reads (GDB manual, E.7 qXfer, G Target Descriptions)."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from mttcg.isa.debug_description import DebugDescription, DescribedRegister

HEAD = '<?xml version="1.0"?>'
HALF = 1 << 63


def target_description(description: DebugDescription) -> str:
    """The registers."""
    features = "".join(
        f"<feature name={quoteattr(name)}>{description.types.get(name, '')}"
        f"{''.join(map(_register, registers))}</feature>"
        for name, registers in description.features.items()
    )
    return (
        f'{HEAD}<!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">'
        f"<architecture>{description.architecture}</architecture><osabi>none</osabi>{features}"
        "</target>"
    )


def _register(register: DescribedRegister) -> str:
    return (
        f'<reg name="{register.name}" bitsize="{register.bits}" regnum="{register.number}" '
        f'type="{register.kind}" group="{register.group}"/>'
    )


def thread_list(threads: Iterable[tuple[int, str, str]]) -> str:
    """The threads: the number of each, its name, and what is said of it."""
    found = "".join(
        f'<thread id="{number:x}" core="{number - 1}" name={quoteattr(name)}>'
        f"{escape(text)}</thread>"
        for number, name, text in threads
    )
    return f"{HEAD}<threads>{found}</threads>"


def memory_map() -> str:
    """All that can be addressed is memory: what is where, the hart's page tables say."""
    return (
        f'{HEAD}<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" '
        '"http://sourceware.org/gdb/gdb-memory-map.dtd"><memory-map>'
        f'<memory type="ram" start="0x0" length="{HALF:#x}"/>'
        f'<memory type="ram" start="{HALF:#x}" length="{HALF:#x}"/></memory-map>'
    )
