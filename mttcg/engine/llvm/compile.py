"""From LLVM text to position-independent machine code without relocations."""

import struct
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import llvmlite.binding as llvm

from mttcg.errors import MttcgError

SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
RELOCATION = struct.Struct("<QQq")
"""Elf64_Shdr, Elf64_Sym, Elf64_Rela of the ELF-64 object file format, version 1.5."""
PROGRAM_BITS, SYMBOLS, RELOCATIONS = 1, 2, 4
FUNCTION = 2
ALLOCATED, EXECUTABLE = 2, 4
RELATIVE = (2, 4)
"""R_X86_64_PC32, R_X86_64_PLT32 (System V ABI, AMD64 supplement, table 4.9)."""


class SectionHeader(NamedTuple):
    """One section header."""

    name: int
    kind: int
    flags: int
    address: int
    start: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class TranslationError(MttcgError):
    """LLVM refused a page, or made of it something that can't be placed anywhere."""


@dataclass(frozen=True)
class Effort:
    """How hard LLVM tries."""

    name: str
    passes: tuple[str, ...]
    codegen: int


OPTIMISED = Effort(
    "optimised",
    passes=("sroa", "sccp", "simplify_cfg"),
    codegen=2,
)
"""For pages in which time is spent."""

PROBE_MARK = "alwaysinline"
"""Is in the text of a module with probes."""
LARGEST_TEXT = 16 << 20
"""Bytes; a page without instrumentation has some hundred thousand."""


OPTIONS = ("-post-RA-scheduler=0",)
"""Of LLVM. A host that executes out of order does not mind the order that this makes once registers
are chosen, which takes a twelfth of the time."""


@cache
def _set_options() -> None:
    for option in OPTIONS:
        llvm.set_option("", option)


@cache
def _machine(codegen: int) -> Any:
    _set_options()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # for conversions, which are assembly
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=codegen,
        reloc="pic",
        codemodel="small",
    )


def compile_text(text: str, effort: Effort) -> bytes:
    """Compile a module with one function; its machine code, to be placed anywhere.

    Raises TranslationError.
    """
    return code_of(compile_object(text, effort))


def compile_object(text: str, effort: Effort) -> bytes:
    """Compile a module; a relocatable ELF file. Raises TranslationError."""
    if len(text) > LARGEST_TEXT:
        raise TranslationError(f"its text has {len(text)} bytes, more than {LARGEST_TEXT}")
    machine = _machine(effort.codegen)
    try:
        module = llvm.parse_assembly(text)
    except RuntimeError as error:
        raise TranslationError(f"LLVM does not take the text: {error}") from error
    wanted = (*(["always_inliner"] if PROBE_MARK in text else []), *effort.passes)
    if wanted:
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
        passes = llvm.create_new_module_pass_manager()
        for name in wanted:
            getattr(passes, f"add_{name}_pass")()
        passes.run(module, builder)
    return bytes(machine.emit_object(module))


def functions_of(image: bytes) -> dict[str, int]:
    """Where each function of a relocatable ELF file is in what `code_of` makes of it."""
    sections = _sections(image)
    found: dict[str, int] = {}
    for table in sections.values():
        if table.kind != SYMBOLS:
            continue
        names = sections[table.link].start
        for start in range(table.start, table.start + table.size, SYMBOL.size):
            name, info, _, section, value, _ = SYMBOL.unpack_from(image, start)
            if info & 15 == FUNCTION and section == _first_code(sections):
                end = image.index(0, names + name)
                found[image[names + name : end].decode()] = value
    return found


def _first_code(sections: "dict[int, SectionHeader]") -> int:
    """The section that `code_of` places first."""
    return next(
        number
        for number, section in sections.items()
        if section.kind == PROGRAM_BITS and section.flags & EXECUTABLE and section.size
    )


def code_of(image: bytes) -> bytes:
    """Lay out what a relocatable ELF file has in memory, code first, and resolve its references.

    The only kind of reference that position-independent code of one function makes is relative to
    its own place, between its code and its constants. Raises TranslationError for any other.
    """
    sections = _sections(image)
    places: dict[int, int] = {}
    blob = bytearray()
    for number in sorted(sections, key=lambda n: not sections[n].flags & EXECUTABLE):
        section = sections[number]
        if section.kind == PROGRAM_BITS and section.flags & ALLOCATED and section.size:
            blob += bytes(-len(blob) % max(section.alignment, 1))
            places[number] = len(blob)
            blob += image[section.start : section.start + section.size]
    for section in sections.values():
        if section.kind == RELOCATIONS and section.info in places:
            _resolve(image, sections, section, places, blob)
    return bytes(blob)


def _sections(image: bytes) -> "dict[int, SectionHeader]":
    (offset,) = struct.unpack_from("<Q", image, 40)
    entry, count = struct.unpack_from("<HH", image, 58)
    return {
        number: SectionHeader(*SECTION_HEADER.unpack_from(image, offset + number * entry))
        for number in range(count)
    }


def _resolve(
    image: bytes,
    sections: "dict[int, SectionHeader]",
    relocations: "SectionHeader",
    places: dict[int, int],
    blob: bytearray,
) -> None:
    symbols = sections[relocations.link]
    for start in range(0, relocations.size, RELOCATION.size):
        offset, info, addend = RELOCATION.unpack_from(image, relocations.start + start)
        symbol = symbols.start + (info >> 32) * SYMBOL.size
        _, _, _, section, value, _ = SYMBOL.unpack_from(image, symbol)
        if info & 0xFFFF_FFFF not in RELATIVE or section not in places:
            raise TranslationError("LLVM made code that refers to something outside of it")
        at = places[relocations.info] + offset
        struct.pack_into("<i", blob, at, places[section] + value + addend - at)
