"""The LLVM text of a compiled probe, for engines that weave it into the code of a block."""

import hashlib
import re
from typing import Any

METADATA = re.compile(r", ![\w.]+ !\d+|(?<=[\w)]) #\d+")
RETURN = re.compile(r"^\s*ret i32 (\S+)$", re.MULTILINE)
NAMES = re.compile(r"@[\w.$\"<>]+")
UNFIT = re.compile(r"\b(float|double|half|fp128|x86_fp80|asm)\b")
"""Floating point would raise flags that the guest sees."""
PARAMETER = re.compile(r"%[\w.]+")


def inline_text(operation: Any) -> str:
    """The probe as a function that needs nothing besides itself, or "" if it is none.

    It is `i32 @probe_<digest>(ptr, ptr, i64 x 6)`: two places for results that it does not have,
    then what every operation is given; 0 comes back. Metadata and attributes are left out.

    Args:
        operation: what `numba.cfunc` made.
    """
    name = operation.native_name.removeprefix("cfunc.")  # what the C function is a shell of
    text = _function(operation.inspect_llvm(), name)
    if not text or UNFIT.search(text) or set(RETURN.findall(text)) != {"0"}:
        return ""
    known = {f"@{name}", f'@"{name}"'}
    if any(found not in known and not found.startswith("@llvm.") for found in NAMES.findall(text)):
        return ""
    definition, _, body = METADATA.sub("", text).partition("\n")
    digest = hashlib.blake2b(body.encode(), digest_size=8).hexdigest()
    parameters = zip(["ptr", "ptr", *["i64"] * 6], PARAMETER.findall(definition), strict=True)
    declared = ", ".join(f"{kind} {parameter}" for kind, parameter in parameters)
    return f"define internal i32 @probe_{digest}({declared}) alwaysinline nounwind {{\n{body}"


def name_of(text: str) -> str:
    """The name of the function of an inline text."""
    return text.partition("@")[2].partition("(")[0]


def _function(module: str, name: str) -> str:
    """The definition of a function in a module's text."""
    lines = module.splitlines()
    for first, line in enumerate(lines):
        if line.startswith("define ") and (f"@{name}(" in line or f'@"{name}"(' in line):
            last = lines.index("}", first)
            return "\n".join(lines[first : last + 1]) + "\n"
    return ""
