"""The LLVM text of a few short blocks is what it was, to the letter."""

import pytest
from golden_texts import CORPUS, FOLDER, file_of, text_of

from mttcg.engine.llvm.compile import OPTIMISED, compile_relocatable


@pytest.mark.parametrize("name", CORPUS)
def test_the_text_is_what_it_was(name: str) -> None:
    renew = "python tests/engine/golden_texts.py writes it anew"
    assert text_of(CORPUS[name]) == file_of(name).read_text(), renew


@pytest.mark.parametrize("name", CORPUS)
def test_llvm_takes_it(name: str) -> None:
    compile_relocatable(file_of(name).read_text(), OPTIMISED)


def test_every_file_is_of_the_corpus() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.ll" for name in CORPUS}
