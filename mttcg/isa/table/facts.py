"""What a row says of an instruction word, without running it."""

from mttcg.isa.facts import FLOATS, Access, Facts
from mttcg.isa.kind import Kind
from mttcg.isa.table.row import Decoded


def kind_of(instruction: Decoded) -> Kind:
    """What an instruction that the table has is to a block."""
    kind = instruction.row.behaviour.kind
    return kind(instruction) if callable(kind) else kind


def facts_of(instruction: Decoded) -> Facts:
    """The facts of an instruction that the table has."""
    does, kind = instruction.row.behaviour, kind_of(instruction)
    distance = instruction.immediate
    return Facts(
        length=instruction.length,
        kind=kind,
        what=does.what(instruction) if callable(does.what) else does.what,
        destination=_destination(instruction),
        jumps=does.goes_elsewhere or kind in (Kind.JUMP, Kind.INDIRECT),
        access=_access(instruction),
        target=distance if kind in (Kind.BRANCH, Kind.JUMP) else None,
        indirect=(instruction.rs1, distance) if kind is Kind.INDIRECT else None,
        address=distance if does.computes_address else None,
    )


def _destination(instruction: Decoded) -> int:
    writes = instruction.row.behaviour.writes
    if not writes:
        return 0
    return instruction.rd + FLOATS if writes == "f" else instruction.rd


def _access(instruction: Decoded) -> Access | None:
    memory = instruction.row.behaviour.memory
    if memory is None:
        return None
    return Access(
        base=instruction.rs1,
        displacement=instruction.immediate if memory.displaced else 0,
        size=memory.size,
        loads=memory.loads,
        stores=memory.stores,
        register=instruction.rd if memory.loads else instruction.rs2,
        floating=memory.floating,
        extension=memory.extension,
    )
