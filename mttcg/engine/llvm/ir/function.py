"""A function as it grows, and how it is written."""

from mttcg.engine.llvm.ir.forms import Form
from mttcg.engine.llvm.ir.values import Operand, Pointer, Value


class Section:
    """Blocks that are written one after the other, or instructions of one.

    They are kept as two flat lists: an object for each would take Python longer than all else.

    Attributes:
        forms: of labels and instructions, and deferred pieces where they belong.
        operands: of all of them, one after the other.
    """

    __slots__ = ("forms", "operands")

    def __init__(self) -> None:
        self.forms: list[Form | DeferredPiece] = []
        self.operands: list[Operand] = []

    def lines(self, advice: bool) -> str:
        """Its text, with what only passes use or without; deferred pieces have been joined."""
        forms: list[Form] = self.forms  # type: ignore[assignment]
        if advice:
            text = "\n".join([form.advised for form in forms])
        else:
            text = "\n".join([form.text for form in forms])
        return text % tuple(self.operands)

    def join(self, pieces: "list[DeferredPiece]") -> None:
        """Put what was supplied for deferred pieces, in their order, where they are."""
        forms: list[Form | DeferredPiece] = []
        operands: list[Operand] = []
        form = operand = 0
        for piece in pieces:
            content = piece.content or Section()
            forms += self.forms[form : piece.form]
            operands += self.operands[operand : piece.operand]
            forms += content.forms
            operands += content.operands
            form, operand = piece.form + 1, piece.operand
        self.forms = forms + self.forms[form:]
        self.operands = operands + self.operands[operand:]


class DeferredPiece:
    """A place in a block whose instructions become known later. They don't end the block.

    Args:
        what: it is to do, as text or a value.
        section: in which it is, at its end for now.

    Attributes:
        form, operand: where it is in the section's lists.
        content: the instructions; None until they are supplied.
    """

    __slots__ = ("content", "form", "operand", "section", "what")

    def __init__(self, what: object, section: Section) -> None:
        self.what, self.section = what, section
        self.form, self.operand = len(section.forms), len(section.operands)
        self.content: Section | None = None


class Function:
    """A function.

    Args:
        name: of it, behind the type of its result.
        parameters: values that it is called with.
        attributes: between its parameters and its code.
        aliased: whether two addresses that it is called with may be of the same place.

    Attributes:
        head: blocks that are written first, though they are the last to be made.
        body: blocks in the order in which they are mostly run.
        cold: those that hardly ever are run; they are written last.
        pieces: those that are deferred.
        called: names of the functions that it calls.
        labels: how many labels were numbered.
    """

    def __init__(
        self,
        name: str,
        parameters: tuple[Value, ...],
        attributes: str = "#0",
        aliased: bool = False,
    ) -> None:
        self.name, self.parameters, self.attributes = name, parameters, attributes
        self.aliased = aliased
        self.head, self.body, self.cold = Section(), Section(), Section()
        self.pieces: list[DeferredPiece] = []
        self.called: set[str] = set()
        self.labels = 0

    def sections(self) -> tuple[Section, ...]:
        """All blocks as they are written."""
        return self.head, self.body, self.cold

    def lines(self) -> int:
        """How many lines it has so far, but for the head; what is deferred counts as one."""
        return len(self.body.forms) + len(self.cold.forms)

    def join(self) -> None:
        """Put what was supplied for deferred pieces where it belongs."""
        for section in {id(piece.section): piece.section for piece in self.pieces}.values():
            section.join([piece for piece in self.pieces if piece.section is section])
        self.pieces.clear()

    def text(self, advice: bool) -> list[str]:
        """Its lines, with what only passes use or without; deferred pieces have been joined."""
        alone = "" if self.aliased else "noalias "
        parameters = ", ".join(
            f"{value.type} {alone if isinstance(value, Pointer) else ''}{value}"
            for value in self.parameters
        )
        code = [section.lines(advice) for section in self.sections() if section.forms]
        return [f"define {self.name}({parameters}) {self.attributes} {{", *code, "}"]
