"""The interpreter's machine code: compiled once, kept in a file, and mapped once in a process.

It is mapped before vCPUs are forked, so that all of them have it at the same address: records,
which they share, have addresses of handlers in them.
"""

import json
import os
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


def _load(isa: InterpretedIsa) -> InterpreterFunctions:
    file = kept_file(isa)
    kept = read_kept(file)
    if kept is None:
        kept = compile_interpreter(isa)
        keep(file, kept)
    header, _, code = kept.partition(b"\n")
    places = json.loads(header)
    start = _map_executable(code)
    at = {function: HostAddress(start + place) for function, place in places.items()}
    keys = samples_of(isa)
    handlers = {key: at[name_of(number)] for number, key in enumerate(keys)}
    others = (FILL, NEXT_PAGE, LEFT, TRANSLATED, ENTER, RESUME)
    return InterpreterFunctions(handlers, *(at[function] for function in others))


def kept_file(isa: InterpretedIsa) -> Path:
    """Where the code is kept, for this state of the sources and this host."""
    made_from = _sources_digest() if isa.name in NAMES else digest_of_text(source(isa))
    return use_native_cache() / f"interpreter-{isa.name}-{made_from}-{host_digest()}.bin"


@cache
def _sources_digest() -> str:
    return digest_of(*sources_in(FOLDERS))


def digest_of_text(text: str) -> str:
    """A short digest; another package's sources are not known, but what comes of them."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def compile_interpreter(isa: InterpretedIsa) -> bytes:
    """Where each function is, as a line of JSON, and the code behind it."""
    image = compile_object(source(isa), EFFORT)
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
