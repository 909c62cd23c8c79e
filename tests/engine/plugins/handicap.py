"""Takes instructions and pages away from the llvm engine, in the vCPUs of a run."""

from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from mttcg.engine.llvm.compile import TranslationError
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.translate import CodePart, PageVersion, Translator
from mttcg.instrument import option

WISH = "it is the test's wish\nsecond line"


@dataclass(frozen=True)
class Options:
    names: str = option("", help="instructions that the engine is to do without, by name")
    pages: str = option("", help="addresses of pages that can't be translated, or all")


def plugin_init(options: Options) -> None:
    Translator.uncovered = frozenset(options.names.split())
    compile_part = Translator.compile

    def refuse(translator: Translator, version: PageVersion, *others: Any) -> CodePart:
        start = translator.ram.range.start_of(version.page)
        if options.pages == "all" or f"{start:#x}" in options.pages.split():
            with patch.object(PageFunction, "source", side_effect=TranslationError(WISH)):
                return compile_part(translator, version, *others)
        return compile_part(translator, version, *others)

    Translator.compile = refuse  # type: ignore[method-assign]


def plugin_vcpu_start(_cpu: Any) -> None:
    """Do nothing: the plugin is no mistake, though it attaches nothing."""
