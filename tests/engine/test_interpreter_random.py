"""Random programs on the native interpreter, compared with the definition."""

import pytest
from random_engines import INSTRUCTIONS, WATCHES, Watch, Watched, compare
from random_programs import PLAIN


@pytest.mark.parametrize("watch", WATCHES)
def test_the_interpreter_agrees_with_the_definition(watch: Watch) -> None:
    compare(PLAIN, lambda: [Watched("interpreter", watch)], INSTRUCTIONS // 3)
