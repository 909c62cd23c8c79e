"""Takes instructions away from the llvm engine, in the vCPUs of a run."""

from dataclasses import dataclass
from typing import Any

from mttcg.engine.llvm.translate import Translator
from mttcg.instrument import option


@dataclass(frozen=True)
class Options:
    names: str = option("", help="instructions that the engine is to do without, by name")


def plugin_init(options: Options) -> None:
    Translator.uncovered = frozenset(options.names.split())


def plugin_vcpu_start(_cpu: Any) -> None:
    """Do nothing: the plugin is no mistake, though it attaches nothing."""
