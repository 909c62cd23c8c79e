"""Where what functions read and write by name is in the frame and in the hart's state."""

from mttcg.engine.llvm import places
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.places import FRAME, HART
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

FRAME_FIELDS = {
    places.EXIT: Word.EXIT,
    places.DETAIL: Word.EXIT_DETAIL,
    places.SINCE: Word.SINCE,
}
OFFSET = offsets_of(VcpuState)
VCPU_FIELDS = {
    place: OFFSET[field]
    for place, field in {
        places.PC: "pc",
        places.INSTRUCTIONS: "instructions",
        places.BLOCKS: "blocks",
        places.BLOCK_PC: "block_pc",
        places.REQUEST: "request",
        places.CONTEXT: "context",
    }.items()
}


def define_fields(build: Builder, isa: LlvmIsa) -> None:
    """Define their names."""
    for place, offset in {**VCPU_FIELDS, **isa.fields}.items():
        build.offset(HART, offset, place)
    for place, word in FRAME_FIELDS.items():
        build.offset(FRAME, 8 * word, place)
