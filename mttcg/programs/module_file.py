"""Modules of a kernel without what only debugging has a use for, which takes longest to load.

linux: kernel/module/main.c, kernel/module/signing.c, include/linux/module_signature.h.
"""

import struct

SIGNED = b"~Module signature appended~\n"
SIGNATURE = struct.Struct(">8xI")
"""struct module_signature, of which the last is the length of what is before it."""
HEADER_SECTIONS, HEADER_COUNTS = 40, 58
"""Where an ELF header (64 bits) has e_shoff; e_shentsize, e_shnum and e_shstrndx."""
NAME, FLAGS, OFFSET = 0, 8, 24
"""Where a section header has sh_name, sh_flags and sh_offset."""
DROPPED = (b".BTF", b"_ftrace_eval_map", b"_ftrace_events", b"__mcount_loc", b"__bpf_raw_tp_map")
"""Sections by which a module can be traced, and its types."""


def without_tracing(module: bytes) -> bytes:
    """Return a module that loads faster: not signed, and without sections for tracing.

    The kernel, unless it insists on signatures, takes it, and counts itself as tainted.
    """
    found = bytearray(_unsigned(module))
    (sections,) = struct.unpack_from("<Q", found, HEADER_SECTIONS)
    size, count, names = struct.unpack_from("<HHH", found, HEADER_COUNTS)
    (texts,) = struct.unpack_from("<Q", found, sections + names * size + OFFSET)
    for number in range(count):
        header = sections + number * size
        (at,) = struct.unpack_from("<I", found, header + NAME)
        name = bytes(found[texts + at : found.index(b"\0", texts + at)])
        if name in DROPPED:
            struct.pack_into("<I", found, header + NAME, 0)
            struct.pack_into("<Q", found, header + FLAGS, 0)  # it is not loaded, nor relocated
    return bytes(found)


def _unsigned(module: bytes) -> bytes:
    if not module.endswith(SIGNED):
        return module
    end = len(module) - len(SIGNED) - SIGNATURE.size
    (length,) = SIGNATURE.unpack_from(module, end)
    return module[: end - length]
