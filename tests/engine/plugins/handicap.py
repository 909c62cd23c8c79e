"""Takes instructions and pages away from the llvm engine, in the vCPUs of a run."""

from dataclasses import dataclass

from mttcg.engine.llvm.compile import TranslationError
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.translate import Translator
from mttcg.instrument import option


@dataclass(frozen=True)
class Options:
    names: str = option("", help="instructions that the engine is to do without, by name")
    pages: str = option("", help="addresses of pages that can't be translated, or all")


def plugin_init(options: Options) -> None:
    Translator.uncovered = frozenset(options.names.split())
    source = PageFunction.source

    def refuse(function: PageFunction) -> str:
        if options.pages == "all" or f"{function.discovery.start:#x}" in options.pages.split():
            raise TranslationError("it is the test's wish\nsecond line")
        return source(function)

    PageFunction.source = refuse
