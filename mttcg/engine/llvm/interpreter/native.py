"""The interpreter's machine code: compiled once, kept in a file, and mapped once in a process.

It is mapped before vCPUs are forked, so that all of them have it at the same address: records,
which they share, have addresses of handlers in them.
"""

import json
import os
from functools import cache
from hashlib import blake2b
from itertools import count, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mttcg.engine.llvm.arena import map_executable
from mttcg.engine.llvm.compile import Effort, code_of, compile_object, functions_of
from mttcg.engine.llvm.interpreter.decoding import decoding_table
from mttcg.engine.llvm.interpreter.handlers import name_of, source
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.predecode import PREDECODE
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
from mttcg.memory.host import address_of_array
from mttcg.memory.page import PAGE

EFFORT = Effort("interpreter", ("sroa", "instruction_combine", "simplify_cfg"), codegen=2)
FOLDERS = ("engine/llvm", "memory", "state", "isa", "instrument/native")
"""What the code is made from."""


class InterpreterFunctions(NamedTuple):
    """Host addresses of the interpreter's functions.

    Attributes:
        handlers: of the table of handlers by number, see `decoding`.
        decoding: of the table by which instructions are taken apart.
        predecode: fills a page's records from an offset.
        fill, next_page, left, translated: of records without an instruction, see `shared`.
        enter, resume: to be called like translated code.
    """

    handlers: HostAddress
    decoding: HostAddress
    predecode: HostAddress
    fill: HostAddress
    next_page: HostAddress
    left: HostAddress
    translated: HostAddress
    enter: HostAddress
    resume: HostAddress


DECODING = "decoding"
"""Name of the table among the functions."""
ALIGNMENT = 16
_loaded: dict[str, InterpreterFunctions] = {}
_tables: "list[np.ndarray[Any, np.dtype[np.uint64]]]" = []


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
    others = (DECODING, PREDECODE, FILL, NEXT_PAGE, LEFT, TRANSLATED, ENTER, RESUME)
    return InterpreterFunctions(_by_number(at), *(at[name] for name in others))


def _by_number(at: dict[str, HostAddress]) -> HostAddress:
    """The table of handlers, of which processes that are forked have a copy at the same address."""
    names = takewhile(at.__contains__, map(name_of, count()))
    numbered = [at[name] for name in names]
    _tables.append(np.array([at[FILL], at[LEFT], *numbered], dtype=np.uint64))
    return address_of_array(_tables[-1])


def kept_file(isa: InterpretedIsa) -> Path:
    """Where the code is kept, for this state of the sources and this host."""
    made_from = _sources_digest() if isa.name in NAMES else _digest_of_product(isa)
    return use_native_cache() / f"interpreter-{isa.name}-{made_from}-{host_digest()}.bin"


@cache
def _sources_digest() -> str:
    return digest_of(*sources_in(FOLDERS))


def _digest_of_product(isa: InterpretedIsa) -> str:
    """Another package's sources are not known, but what comes of them."""
    return blake2b(source(isa).encode() + decoding_table(isa), digest_size=8).hexdigest()


def compile_interpreter(isa: InterpretedIsa) -> bytes:
    """Where each function is, as a line of JSON; behind it the code, and the table for decoding."""
    image = compile_object(source(isa), EFFORT)
    code = code_of(image)
    code += bytes(-len(code) % ALIGNMENT)
    places = functions_of(image) | {DECODING: len(code)}
    return json.dumps(places).encode() + b"\n" + code + decoding_table(isa)


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
