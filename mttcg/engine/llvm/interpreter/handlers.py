"""The interpreter's module: all handlers of an ISA, and what they share."""

from collections.abc import Iterator
from functools import partial

from mttcg.engine.llvm.interpreter.fill import fill
from mttcg.engine.llvm.interpreter.handler import Handler
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.keys import samples_of
from mttcg.engine.llvm.interpreter.predecode import predecode_function
from mttcg.engine.llvm.interpreter.shared import (
    ENTER,
    enter,
    function_of,
    shared_functions,
    straddling_handler,
)
from mttcg.engine.llvm.interpreter.take_over import RESUME, TAKE_OVER, resume, take_over
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.signature import CONVENTION, PARAMETERS
from mttcg.engine.llvm.surroundings import TAIL, TARGET


def name_of(number: int) -> str:
    """The name of a handler, by its place among all."""
    return f"handler_{number}"


def source(isa: InterpretedIsa) -> str:
    """The whole module."""
    return "\n".join([TARGET, *_functions(isa), *TAIL])


def _functions(isa: InterpretedIsa) -> Iterator[str]:
    yield from shared_functions(isa, fill, straddling_handler)
    yield predecode_function(isa)
    ways = (ENTER, enter), (RESUME, partial(resume, isa)), (TAKE_OVER, partial(take_over, isa))
    for name, emit in ways:
        yield function_of(isa, Function(f"dso_local {CONVENTION} void @{name}", PARAMETERS), emit)
    for number, (key, sample) in enumerate(samples_of(isa).items()):
        yield from Handler(isa, name_of(number), sample, key.far).sources()
