"""The interpreter's machine code: compiled once, kept in a file, and mapped once in a process.

It is mapped before vCPUs are forked, so that all of them have it at the same address: records,
which they share, have addresses of handlers in them.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from mttcg.engine.llvm.arena import map_executable
from mttcg.engine.llvm.compile import Effort, code_of, compile_object, functions_of
from mttcg.engine.llvm.interpreter.handlers import Key, name_of, samples_of, source
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.shared import (
    ENTER,
    FILL,
    LEFT,
    NEXT_PAGE,
    RESUME,
    TRANSLATED,
)
from mttcg.instrument.native.native_cache import digest_of, sources_in, use_native_cache
from mttcg.instrument.native.native_functions import host_digest, keep, read_kept
from mttcg.instrument.native.progress import tell_compiling
from mttcg.isa.registry import NAMES
from mttcg.memory.address import HostAddress
from mttcg.memory.page import PAGE

EFFORT = Effort("interpreter", ("sroa", "instruction_combine", "simplify_cfg"), codegen=2)
FOLDERS = ("engine/llvm", "memory", "state", "isa", "instrument/native")
"""What the code is made from."""


class InterpreterFunctions(NamedTuple):
    """Host addresses of the interpreter's functions.

    Attributes:
        handlers: by key.
        fill, next_page, left, translated: of records without an instruction, see `shared`.
        enter, resume: to be called like translated code.
    """

    handlers: dict[Key, HostAddress]
    fill: HostAddress
    next_page: HostAddress
    left: HostAddress
    translated: HostAddress
    enter: HostAddress
    resume: HostAddress


_loaded: dict[str, InterpreterFunctions] = {}


def load(isa: InterpretedIsa) -> InterpreterFunctions:
    """The interpreter of an ISA; the same in all processes forked from here."""
    if isa.name not in _loaded:
        _loaded[isa.name] = _load(isa)
    return _loaded[isa.name]


def load_code(
    isa: InterpretedIsa, kind: str, text: Callable[[InterpretedIsa], str], make: Callable[[], bytes]
) -> dict[str, HostAddress]:
    """Addresses of the functions of a module, whose code is kept, or made anew."""
    file = kept_file(isa, kind, text)
    kept = read_kept(file)
    if kept is None:
        tell_compiling()
        kept = make()
        keep(file, kept)
    header, _, code = kept.partition(b"\n")
    start = _map_executable(code)
    return {function: HostAddress(start + at) for function, at in json.loads(header).items()}


def _load(isa: InterpretedIsa) -> InterpreterFunctions:
    at = load_code(isa, "interpreter", source, lambda: compile_interpreter(isa))
    keys = samples_of(isa)
    handlers = {key: at[name_of(number)] for number, key in enumerate(keys)}
    others = (FILL, NEXT_PAGE, LEFT, TRANSLATED, ENTER, RESUME)
    return InterpreterFunctions(handlers, *(at[function] for function in others))


def kept_file(
    isa: InterpretedIsa,
    kind: str = "interpreter",
    text: Callable[[InterpretedIsa], str] = source,
) -> Path:
    """Where the code of a module is kept, for this state of the sources and this host."""
    made_from = _sources_digest() if isa.name in NAMES else digest_of_text(text(isa))
    return use_native_cache() / f"{kind}-{isa.name}-{made_from}-{host_digest()}.bin"


@cache
def _sources_digest() -> str:
    return digest_of(*sources_in(FOLDERS))


def digest_of_text(text: str) -> str:
    """A short digest; another package's sources are not known, but what comes of them."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def compile_interpreter(isa: InterpretedIsa) -> bytes:
    """See `compile_functions`."""
    return compile_functions(source(isa))


def compile_functions(text: str) -> bytes:
    """Where each function of a module is, as a line of JSON, and the code behind it."""
    image = compile_object(text, EFFORT)
    return json.dumps(functions_of(image)).encode() + b"\n" + code_of(image)


def _map_executable(code: bytes) -> HostAddress:
    """Map code so that it can be executed, and never written; its address."""
    size = -(-len(code) // PAGE) * PAGE
    descriptor = os.memfd_create("interpreter", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, size)
        os.pwrite(descriptor, code, 0)
        return map_executable(descriptor, size)
    finally:
        os.close(descriptor)
