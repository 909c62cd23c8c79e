"""From LLVM text to position-independent machine code; numbers may be left to who places it."""

import struct
from collections.abc import Iterator, Mapping
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
FUNCTION, UNDEFINED = 2, 0
ALLOCATED, EXECUTABLE = 2, 4
RELATIVE, ABSOLUTE = (2, 4), (10, 11)
"""R_X86_64_PC32, R_X86_64_PLT32; R_X86_64_32, R_X86_64_32S (System V ABI, AMD64 supplement,
table 4.9)."""


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


class Fixup(NamedTuple):
    """32 bits of code that get the number of a symbol, and an addend."""

    at: int
    symbol: str
    addend: int


class Relocatable(NamedTuple):
    """Machine code that can be placed anywhere, and what is to be put into it before."""

    code: bytes
    fixups: tuple[Fixup, ...] = ()

    def placed(self, numbers: Mapping[str, int]) -> bytes:
        """The code with the numbers of its symbols."""
        if not self.fixups:
            return self.code
        code = bytearray(self.code)
        for at, symbol, addend in self.fixups:
            struct.pack_into("<i", code, at, numbers[symbol] + addend)
        return bytes(code)


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


def compile_relocatable(text: str, effort: Effort) -> Relocatable:
    """Compile a module with one function that names symbols; raises TranslationError."""
    return relocatable_of(compile_object(text, effort))


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
                found[_name(image, names + name)] = value
    return found


def _first_code(sections: "dict[int, SectionHeader]") -> int:
    """The section that `code_of` places first."""
    return next(
        number
        for number, section in sections.items()
        if section.kind == PROGRAM_BITS and section.flags & EXECUTABLE and section.size
    )


def code_of(image: bytes) -> bytes:
    """As `relocatable_of`, of what names no symbols. Raises TranslationError."""
    found = relocatable_of(image)
    if found.fixups:
        raise TranslationError("LLVM made code that refers to something outside of it")
    return found.code


def relocatable_of(image: bytes) -> Relocatable:
    """Lay out what a relocatable ELF file has in memory, code first, and resolve its references.

    Position-independent code of one function refers to its own places, from code to constants, and
    to symbols that stand for numbers. Raises TranslationError for any other reference.
    """
    sections = _sections(image)
    places: dict[int, int] = {}
    blob, fixups = bytearray(), list[Fixup]()
    for number in sorted(sections, key=lambda n: not sections[n].flags & EXECUTABLE):
        section = sections[number]
        if section.kind == PROGRAM_BITS and section.flags & ALLOCATED and section.size:
            blob += bytes(-len(blob) % max(section.alignment, 1))
            places[number] = len(blob)
            blob += image[section.start : section.start + section.size]
    for section in sections.values():
        if section.kind == RELOCATIONS and section.info in places:
            fixups += _resolve(image, sections, section, places, blob)
    return Relocatable(bytes(blob), tuple(fixups))


def _sections(image: bytes) -> "dict[int, SectionHeader]":
    (offset,) = struct.unpack_from("<Q", image, 40)
    entry, count = struct.unpack_from("<HH", image, 58)
    return {
        number: SectionHeader(*SECTION_HEADER.unpack_from(image, offset + number * entry))
        for number in range(count)
    }


def _name(image: bytes, at: int) -> str:
    return image[at : image.index(0, at)].decode()


def _resolve(
    image: bytes,
    sections: "dict[int, SectionHeader]",
    relocations: "SectionHeader",
    places: dict[int, int],
    blob: bytearray,
) -> Iterator[Fixup]:
    """Resolve the references of a section; those to symbols that are not in the file are left."""
    symbols = sections[relocations.link]
    for start in range(0, relocations.size, RELOCATION.size):
        offset, info, addend = RELOCATION.unpack_from(image, relocations.start + start)
        symbol = symbols.start + (info >> 32) * SYMBOL.size
        name, _, _, section, value, _ = SYMBOL.unpack_from(image, symbol)
        at, kind = places[relocations.info] + offset, info & 0xFFFF_FFFF
        if kind in ABSOLUTE and section == UNDEFINED:
            yield Fixup(at, _name(image, sections[symbols.link].start + name), addend)
            continue
        if kind not in RELATIVE or section not in places:
            raise TranslationError("LLVM made code that refers to something outside of it")
        struct.pack_into("<i", blob, at, places[section] + value + addend - at)
