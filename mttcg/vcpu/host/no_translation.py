"""A guest that wants its addresses translated, on an engine that does not do that."""

from mttcg.errors import UserError
from mttcg.memory.address import Virtual


class NoTranslationError(UserError):
    """The guest wants its addresses translated, which this engine does not do."""

    def __init__(self, engine: str, pc: Virtual) -> None:
        self.engine, self.pc = engine, pc
        super().__init__(
            f"engine {engine}: the guest turns on address translation at pc {pc:#x}; "
            "expected a guest that runs without, or the engine llvm"
        )
