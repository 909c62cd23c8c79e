"""Random programs on the native interpreter, compared with the definition."""

from random_engines import INSTRUCTIONS, Watched, compare
from random_programs import PLAIN


def test_the_interpreter_agrees_with_the_definition() -> None:
    compare(PLAIN, lambda: [Watched("interpreter", "")], INSTRUCTIONS)
