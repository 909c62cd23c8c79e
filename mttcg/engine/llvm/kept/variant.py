"""What the code of a page depends on beside its instructions, and what it is made by."""

import json
from hashlib import blake2b

from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.native import kept_file
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.weave import Sites
from mttcg.instrument.native.native_cache import digest_of, sources_in

FOLDERS = ("tbcache", "instrument", "engine/fence_words.py")
"""What the text of code takes numbers from, beside that of which the interpreter is made."""


def variant_of(mode: int, sites: Sites, ram: Ram) -> int:
    """The number of a mode, of what is attached to a page, and of where RAM and devices are.

    Code for translated addresses does not know RAM.
    """
    known = None if mode & 1 else [ram.base, ram.size, ram.device_pages]
    text = json.dumps([mode, sites.to_plain(), known])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def key_set(isa: InterpretedIsa) -> str:
    """The name of the file of all that is made for an ISA by these sources, LLVM and processor.

    The name of the interpreter's code has what stands for the last two.
    """
    made_from = kept_file(isa).name, digest_of(*sources_in(FOLDERS))
    return f"{isa.name}-{blake2b(str(made_from).encode(), digest_size=12).hexdigest()}"
