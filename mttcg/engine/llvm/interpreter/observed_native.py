"""The machine code of handlers for code to which something is attached.

It is loaded where something is, by each process for itself: records that name these handlers are
private to a vCPU.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from mttcg.engine.llvm.interpreter.checked import CHECKED_HANDLER, check
from mttcg.engine.llvm.interpreter.counted_handler import (
    ENTERED_COUNTED,
    CountingHandler,
    entered_counted,
)
from mttcg.engine.llvm.interpreter.decoding import FIRST_HANDLER
from mttcg.engine.llvm.interpreter.handlers import name_of
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.keys import samples_of
from mttcg.engine.llvm.interpreter.native import compile_functions, load, load_code, put_table
from mttcg.engine.llvm.interpreter.observed_handler import EnteringHandler, ObservedHandler
from mttcg.engine.llvm.interpreter.observed_predecode import (
    MEET,
    PREDECODE_OBSERVED,
    fill_observed,
    meet_observed,
    own_observed,
    predecode_observed_function,
)
from mttcg.engine.llvm.interpreter.operations import (
    BEFORE,
    ENTERED,
    ENTERED_BARE,
    ENTERED_TABLE,
    operation_functions,
)
from mttcg.engine.llvm.interpreter.shared import (
    FILL,
    LEFT,
    NEXT_PAGE,
    TRANSLATED,
    come_back,
    function_of,
    shared_functions,
)
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.signature import CONVENTION, PARAMETERS
from mttcg.engine.llvm.surroundings import TAIL, TARGET
from mttcg.memory.address import HostAddress


class ObservedFunctions(NamedTuple):
    """Host addresses of functions for code to which something is attached.

    Attributes:
        entering: table of handlers, of code whose blocks and instructions have something attached.
        observed: the same, where accesses have, or what comes behind instructions.
        counting: the same, where all blocks count in one table, and that is all.
        entered, entered_table, entered_bare, before: see `operations`.
        entered_counted: see `counted_handler`.
        meet: see `observed_predecode`.
        come_back: has the engine show a block.
        others: as in `InterpreterFunctions`.
    """

    entering: HostAddress
    observed: HostAddress
    counting: HostAddress
    entered: HostAddress
    entered_table: HostAddress
    entered_bare: HostAddress
    before: HostAddress
    meet: HostAddress
    come_back: HostAddress
    entered_counted: HostAddress
    fill: HostAddress
    next_page: HostAddress
    translated: HostAddress
    predecode: HostAddress


COME_BACK = "come_back"
OTHERS = (ENTERED, ENTERED_TABLE, ENTERED_BARE, BEFORE, MEET, COME_BACK, ENTERED_COUNTED)
SHARED = (FILL, NEXT_PAGE, TRANSLATED, PREDECODE_OBSERVED)
_loaded: dict[str, ObservedFunctions] = {}


def load_observed(isa: InterpretedIsa) -> ObservedFunctions:
    """The functions for an ISA, in this process and those forked from it."""
    if isa.name not in _loaded:
        _loaded[isa.name] = _load(isa)
    return _loaded[isa.name]


def _load(isa: InterpretedIsa) -> ObservedFunctions:
    at = load_code(isa, "observed", source, lambda: compile_functions(source(isa)))
    plain = load(isa)
    entering, observed = (
        put_table(
            (
                at[FILL],
                at[LEFT],
                *(
                    at.get(f"{kind}_{name_of(number)}", handler)
                    for number, handler in enumerate(plain.handlers[FIRST_HANDLER:])
                ),
            )
        )
        for kind in ("entering", "observed")
    )
    at[TRANSLATED] = plain.translated  # `take_over` knows it by that
    counting = put_table(
        (
            *plain.handlers[:FIRST_HANDLER],
            *(
                at.get(f"counting_{name_of(number)}", handler)
                for number, handler in enumerate(plain.handlers[FIRST_HANDLER:])
            ),
        )
    )
    tables = entering, observed, counting
    return ObservedFunctions(*tables, *(at[name] for name in (*OTHERS, *SHARED)))


def source(isa: InterpretedIsa) -> str:
    """The whole module."""
    return "\n".join([TARGET, *_functions(isa), *TAIL])


def _functions(isa: InterpretedIsa) -> Iterator[str]:
    yield from shared_functions(isa, fill_observed, own_observed)
    if isa.translation:
        function = Function(f"internal {CONVENTION} void @{CHECKED_HANDLER}", PARAMETERS)
        yield function_of(isa, function, partial(check, own=own_observed))
    yield predecode_observed_function(isa)
    stand_ins = {
        MEET: meet_observed,
        COME_BACK: come_back,
        ENTERED_COUNTED: entered_counted,
    }
    yield from operation_functions(isa, stand_ins)
    for number, (key, sample) in enumerate(samples_of(isa).items()):
        name = name_of(number)
        yield from ObservedHandler(isa, f"observed_{name}", sample, key.far).sources()
        if isa.code.facts(sample.word).kind.ends_block:
            what = sample, key.far
            yield from EnteringHandler(isa, f"entering_{name}", *what).sources()
            yield from CountingHandler(isa, f"counting_{name}", *what).sources()
