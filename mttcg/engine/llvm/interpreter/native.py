"""The interpreter's machine code: compiled once, kept in a file, and mapped once in a process.

It is mapped before vCPUs are forked, so that all of them have it at the same address: records,
which they share, have addresses of handlers in them.
"""

import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2b
from itertools import count, takewhile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mttcg.engine.llvm.arena import map_executable
from mttcg.engine.llvm.compile import Effort, compile_object
from mttcg.engine.llvm.interpreter.decoding import decoding_table
from mttcg.engine.llvm.interpreter.handlers import name_of, source
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.predecode import PREDECODE
from mttcg.engine.llvm.interpreter.shared import (
    ENTER,
    FILL,
    LEFT,
    LOOK_IN_TURN,
    NEXT_PAGE,
    TRANSLATED,
)
from mttcg.engine.llvm.interpreter.straddle import STRADDLE
from mttcg.engine.llvm.interpreter.system_functions import ATTEND_AT_LOOK, DUE
from mttcg.engine.llvm.interpreter.take_over import RESUME, TAKE_OVER
from mttcg.engine.llvm.interpreter.turns import TURN_OVER
from mttcg.instrument.native.native_cache import digest_of, sources_in, use_native_cache
from mttcg.instrument.native.native_functions import kept_or_made
from mttcg.instrument.native.native_host import made_for
from mttcg.isa.registry import NAMES
from mttcg.memory.address import HostAddress
from mttcg.memory.host import address_of_array
from mttcg.memory.page import PAGE
from mttcg.native.object_file import code_of, functions_of

EFFORT = Effort("interpreter", ("sroa", "instruction_combine", "simplify_cfg"), codegen=2)
FOLDERS = ("engine/llvm", "memory", "state", "isa", "instrument/native")
"""What the code is made from."""
NO_FUNCTION = HostAddress(0)


class InterpreterFunctions(NamedTuple):
    """Host addresses of the interpreter's functions.

    Attributes:
        handlers: by number, see `decoding`.
        table: of the handlers.
        decoding: of the table by which instructions are taken apart.
        predecode: fills a page's records from an offset.
        fill, next_page, left, translated: of records without an instruction, see `shared`.
        enter, resume, take_over: to be called like translated code.
        attend, due: see `system_functions`; 0 if the host does all that is of the system.
        straddle: see there; 0 if no addresses are translated.
        look_in_turn: in the place of `attend` where harts take turns; turn_over: see `turns`.
    """

    handlers: tuple[HostAddress, ...]
    table: HostAddress
    decoding: HostAddress
    predecode: HostAddress
    fill: HostAddress
    next_page: HostAddress
    left: HostAddress
    translated: HostAddress
    enter: HostAddress
    resume: HostAddress
    take_over: HostAddress
    attend: HostAddress
    due: HostAddress
    straddle: HostAddress
    look_in_turn: HostAddress
    turn_over: HostAddress


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


def load_code(
    isa: InterpretedIsa, kind: str, text: Callable[[InterpretedIsa], str], make: Callable[[], bytes]
) -> dict[str, HostAddress]:
    """Addresses of the functions of a module, whose code is kept, or made anew."""
    file = kept_file(isa, kind, text)
    kept = kept_or_made(file, make)
    header, _, code = kept.partition(b"\n")
    start = _map_executable(code)
    return {function: HostAddress(start + at) for function, at in json.loads(header).items()}


def _load(isa: InterpretedIsa) -> InterpreterFunctions:
    at = load_code(isa, "interpreter", source, lambda: compile_interpreter(isa))
    names = takewhile(at.__contains__, map(name_of, count()))
    handlers = at[FILL], at[LEFT], *(at[name] for name in names)
    others = (DECODING, PREDECODE, FILL, NEXT_PAGE, LEFT, TRANSLATED, ENTER, RESUME, TAKE_OVER)
    system = (at.get(function, NO_FUNCTION) for function in (ATTEND_AT_LOOK, DUE, STRADDLE))
    found = (at[name] for name in others)
    turns = (at[function] for function in (LOOK_IN_TURN, TURN_OVER.removeprefix("@")))
    return InterpreterFunctions(handlers, put_table(handlers), *found, *system, *turns)


def put_table(handlers: tuple[HostAddress, ...]) -> HostAddress:
    """Where they are in a table, at the same address in all processes that are forked."""
    _tables.append(np.array(handlers, dtype=np.uint64))
    return address_of_array(_tables[-1])


def kept_file(
    isa: InterpretedIsa,
    kind: str = "interpreter",
    text: Callable[[InterpretedIsa], str] = source,
) -> Path:
    """Where the code of a module is kept, for this state of the sources and this host."""
    made_from = _sources_digest() if isa.name in NAMES else _digest_of_product(isa, text)
    return use_native_cache() / f"{kind}-{isa.name}-{made_from}-{made_for()}.bin"


@cache
def _sources_digest() -> str:
    return digest_of(*sources_in(FOLDERS))


def _digest_of_product(isa: InterpretedIsa, text: Callable[[InterpretedIsa], str]) -> str:
    """Another package's sources are not known, but what comes of them."""
    return blake2b(text(isa).encode() + decoding_table(isa), digest_size=8).hexdigest()


def compile_interpreter(isa: InterpretedIsa) -> bytes:
    """See `compile_functions`; behind the code is the table for decoding."""
    return compile_functions(source(isa), {DECODING: decoding_table(isa)})


def compile_functions(text: str, tables: Mapping[str, bytes] | None = None) -> bytes:
    """Where each function and table is, as a line of JSON; behind it the code, and the tables."""
    image = compile_object(text, EFFORT)
    places, content = functions_of(image), code_of(image)
    for name, table in (tables or {}).items():
        content += bytes(-len(content) % ALIGNMENT)
        places[name] = len(content)
        content += table
    return json.dumps(places).encode() + b"\n" + content


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
