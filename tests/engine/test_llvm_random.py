"""Random programs on the definition, on both tiers of llvm and, where it is right, on Unicorn.

`MTTCG_RANDOM_INSTRUCTIONS` says how many instructions are to be executed at least; `make nightly`
asks for a million.
"""

import pytest
from random_engines import INSTRUCTIONS, RIGHT, WATCHES, Watch, Watched, compare
from random_programs import PLAIN


@pytest.mark.parametrize("watch", WATCHES)
def test_llvm_agrees_with_the_definition(watch: Watch) -> None:
    compare(PLAIN, lambda: [Watched("llvm", watch)], INSTRUCTIONS // 4)


@pytest.mark.parametrize("watch", WATCHES)
def test_unicorn_agrees_where_it_is_right(watch: Watch) -> None:
    compare(RIGHT, lambda: [Watched("unicorn", watch), Watched("llvm", watch)], INSTRUCTIONS // 10)
