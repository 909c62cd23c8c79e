"""From LLVM text to position-independent machine code; LLVM is loaded when there is some."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from mttcg.instrument.native.native_host import llvm_target
from mttcg.native.object_file import Relocatable, TranslationError, code_of, relocatable_of


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
    import llvmlite.binding as llvm

    for option in OPTIONS:
        llvm.set_option("", option)


@cache
def _machine(codegen: int) -> Any:
    import llvmlite.binding as llvm

    _set_options()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # for conversions, which are assembly
    target = llvm.Target.from_default_triple()
    processor, features = llvm_target(llvm)
    return target.create_target_machine(
        cpu=processor,
        features=features,
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
    import llvmlite.binding as llvm

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
