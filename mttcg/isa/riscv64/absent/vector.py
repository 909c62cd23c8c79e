"""Vector instructions (Unprivileged ISA, chapter "V", listing of vector instructions).

An arithmetic instruction is its funct6, here in hexadecimal, and a category of operands, which is
funct3: V, X, I and F for a vector, an integer register, an immediate and a floating-point register.
"""

from collections.abc import Iterable, Mapping

from mttcg.isa.riscv64.absent.row import LOAD_FP, OP_V, STORE_FP, Absent, exact

CATEGORIES: Mapping[str, tuple[int, str]] = {
    # by group and letter: funct3, suffix
    "IV": (0, "vv"),
    "II": (3, "vi"),
    "IX": (4, "vx"),
    "FV": (1, "vv"),
    "FF": (5, "vf"),
    "MV": (2, "vv"),
    "MX": (6, "vx"),
}
FUNCT6 = 0xFC00_707F
MASKED = 0x0200_0000
"""The bit vm: 0 if a mask is used."""

_INTEGER = """
00 vadd VXI        02 vsub VX         03 vrsub XI        04 vminu VX        05 vmin VX
06 vmaxu VX        07 vmax VX         09 vand VXI        0a vor VXI         0b vxor VXI
0c vrgather VXI    0e vslideup XI     0f vslidedown XI   18 vmseq VXI       19 vmsne VXI
1a vmsltu VX       1b vmslt VX        1c vmsleu VXI      1d vmsle VXI       1e vmsgtu XI
1f vmsgt XI        20 vsaddu VXI      21 vsadd VXI       22 vssubu VX       23 vssub VX
25 vsll VXI        27 vsmul VX        28 vsrl VXI        29 vsra VXI        2a vssrl VXI
2b vssra VXI       0e vrgatherei16 V
"""
_MULTIPLY = """
08 vaaddu VX       09 vaadd VX        0a vasubu VX       0b vasub VX        0e vslide1up X
0f vslide1down X   20 vdivu VX        21 vdiv VX         22 vremu VX        23 vrem VX
24 vmulhu VX       25 vmul VX         26 vmulhsu VX      27 vmulh VX        29 vmadd VX
2b vnmsub VX       2d vmacc VX        2f vnmsac VX       30 vwaddu VX       31 vwadd VX
32 vwsubu VX       33 vwsub VX        38 vwmulu VX       3a vwmulsu VX      3b vwmul VX
3c vwmaccu VX      3d vwmacc VX       3e vwmaccus X      3f vwmaccsu VX
"""
_FLOATING = """
00 vfadd VF        02 vfsub VF        04 vfmin VF        06 vfmax VF        08 vfsgnj VF
09 vfsgnjn VF      0a vfsgnjx VF      0e vfslide1up F    0f vfslide1down F  18 vmfeq VF
19 vmfle VF        1b vmflt VF        1c vmfne VF        1d vmfgt F         1f vmfge F
20 vfdiv VF        21 vfrdiv F        24 vfmul VF        27 vfrsub F        28 vfmadd VF
29 vfnmadd VF      2a vfmsub VF       2b vfnmsub VF      2c vfmacc VF       2d vfnmacc VF
2e vfmsac VF       2f vfnmsac VF      30 vfwadd VF       32 vfwsub VF       38 vfwmul VF
3c vfwmacc VF      3d vfwnmacc VF     3e vfwmsac VF      3f vfwnmsac VF
"""
_IRREGULAR = (
    # group and category, funct6, name with its suffix
    ("MV", "00 vredsum.vs 01 vredand.vs 02 vredor.vs 03 vredxor.vs 04 vredminu.vs 05 vredmin.vs"),
    ("MV", "06 vredmaxu.vs 07 vredmax.vs 17 vcompress.vm 18 vmandn.mm 19 vmand.mm 1a vmor.mm"),
    ("MV", "1b vmxor.mm 1c vmorn.mm 1d vmnand.mm 1e vmnor.mm 1f vmxnor.mm"),
    ("MV", "34 vwaddu.wv 35 vwadd.wv 36 vwsubu.wv 37 vwsub.wv"),
    ("MX", "34 vwaddu.wx 35 vwadd.wx 36 vwsubu.wx 37 vwsub.wx"),
    ("FV", "01 vfredusum.vs 03 vfredosum.vs 05 vfredmin.vs 07 vfredmax.vs 31 vfwredusum.vs"),
    ("FV", "33 vfwredosum.vs 34 vfwadd.wv 36 vfwsub.wv"),
    ("FF", "34 vfwadd.wf 36 vfwsub.wf"),
    ("IV", "2c vnsrl.wv 2d vnsra.wv 2e vnclipu.wv 2f vnclip.wv 30 vwredsumu.vs 31 vwredsum.vs"),
    ("IX", "2c vnsrl.wx 2d vnsra.wx 2e vnclipu.wx 2f vnclip.wx"),
    ("II", "2c vnsrl.wi 2d vnsra.wi 2e vnclipu.wi 2f vnclip.wi"),
)
_CARRY = (
    # name, funct6, categories, the form of the suffix for each value that vm may have
    ("vadc", 0x10, "VXI", {0: "{}m"}),
    ("vmadc", 0x11, "VXI", {0: "{}m", 1: "{}"}),
    ("vsbc", 0x12, "VX", {0: "{}m"}),
    ("vmsbc", 0x13, "VX", {0: "{}m", 1: "{}"}),
    ("vmerge", 0x17, "VXI", {0: "{}m"}),
)
_UNARY = {
    # by group, category and funct6, the name for each value in the place of vs1
    ("MV", 0x10): "00 vmv.x.s 10 vcpop.m 11 vfirst.m",
    ("MV", 0x12): "02 vzext.vf8 03 vsext.vf8 04 vzext.vf4 05 vsext.vf4 06 vzext.vf2 07 vsext.vf2",
    ("MV", 0x14): "01 vmsbf.m 02 vmsof.m 03 vmsif.m 10 viota.m",
    ("FV", 0x10): "00 vfmv.f.s",
    ("FV", 0x12): (
        "00 vfcvt.xu.f.v 01 vfcvt.x.f.v 02 vfcvt.f.xu.v 03 vfcvt.f.x.v 06 vfcvt.rtz.xu.f.v "
        "07 vfcvt.rtz.x.f.v 08 vfwcvt.xu.f.v 09 vfwcvt.x.f.v 0a vfwcvt.f.xu.v 0b vfwcvt.f.x.v "
        "0c vfwcvt.f.f.v 0e vfwcvt.rtz.xu.f.v 0f vfwcvt.rtz.x.f.v 10 vfncvt.xu.f.w "
        "11 vfncvt.x.f.w 12 vfncvt.f.xu.w 13 vfncvt.f.x.w 14 vfncvt.f.f.w 15 vfncvt.rod.f.f.w "
        "16 vfncvt.rtz.xu.f.w 17 vfncvt.rtz.x.f.w"
    ),
    ("FV", 0x13): "00 vfsqrt.v 04 vfrsqrt7.v 05 vfrec7.v 10 vfclass.v",
}
_MOVES = (
    # name, bits, fixed bits
    ("vid.v", 0x5008_A057, 0xFDFF_F07F),
    ("vmv.v.v", 0x5E00_0057, 0xFFF0_707F),
    ("vmv.v.i", 0x5E00_3057, 0xFFF0_707F),
    ("vmv.v.x", 0x5E00_4057, 0xFFF0_707F),
    ("vfmv.v.f", 0x5E00_5057, 0xFFF0_707F),
    ("vfmerge.vfm", 0x5C00_5057, 0xFE00_707F),
    ("vmv.s.x", 0x4200_6057, 0xFFF0_707F),
    ("vfmv.s.f", 0x4200_5057, 0xFFF0_707F),
    *((f"vmv{n}r.v", 0x9E00_3057 | n - 1 << 15, 0xFE0F_F07F) for n in (1, 2, 4, 8)),
    ("vsetvli", 0x0000_7057, 0x8000_707F),
    ("vsetivli", 0xC000_7057, 0xC000_707F),
    ("vsetvl", 0x8000_7057, 0xFE00_707F),
)


def _pairs(text: str) -> Iterable[tuple[int, str]]:
    """Numbers, in hexadecimal, and names."""
    words = text.split()
    return zip((int(word, 16) for word in words[::2]), words[1::2], strict=True)


def _bits(category: str, funct6: int) -> int:
    return OP_V | CATEGORIES[category][0] << 12 | funct6 << 26


def _regular(group: str, text: str) -> Iterable[Absent]:
    """Rows of (funct6, name, letters of categories)."""
    words = iter(text.split())
    for funct6, name, letters in zip(words, words, words, strict=True):
        for letter in letters:
            category = group + letter
            suffix = CATEGORIES[category][1]
            yield Absent(f"{name}.{suffix}", "V", _bits(category, int(funct6, 16)), FUNCT6)


def _arithmetic() -> Iterable[Absent]:
    for group, text in (("I", _INTEGER), ("M", _MULTIPLY), ("F", _FLOATING)):
        yield from _regular(group, text)
    for category, text in _IRREGULAR:
        for funct6, name in _pairs(text):
            yield Absent(name, "V", _bits(category, funct6), FUNCT6)
    for name, funct6, letters, suffixes in _CARRY:
        for letter in letters:
            _, suffix = CATEGORIES["I" + letter]
            for vm, form in suffixes.items():
                bits = _bits("I" + letter, funct6) | vm * MASKED
                yield Absent(f"{name}.{form.format(suffix)}", "V", bits, FUNCT6 | MASKED)
    for (category, funct6), text in _UNARY.items():
        for number, name in _pairs(text):
            bits = _bits(category, funct6) | number << 15
            yield Absent(name, "V", bits, FUNCT6 | 0x1F << 15)
    for name, bits, mask in _MOVES:
        yield Absent(name, "V", bits, mask)


WIDTHS = {0: 8, 5: 16, 6: 32, 7: 64}
"""Bits of an element, or of an index, by funct3 of a vector load or store."""
ADDRESSED = 0xFC00_707F
"""Fixed bits of an access: fields, mew, mop and width; vm and the registers are free."""
UNIT_STRIDE = 0xFDF0_707F
"""The same, and lumop; vm is free."""


def _access(opcode: int, fields: int, funct3: int) -> Iterable[Absent]:
    """The loads or stores of one width and number of fields (7.8: segments)."""
    load, width = opcode == LOAD_FP, WIDTHS[funct3]
    start = "vl" if load else "vs"
    segment = f"seg{fields}" if fields > 1 else ""
    bits = opcode | funct3 << 12 | fields - 1 << 29
    yield Absent(f"{start}{segment}e{width}.v", "V", bits, UNIT_STRIDE)
    if load:
        yield Absent(f"{start}{segment}e{width}ff.v", "V", bits | 16 << 20, UNIT_STRIDE)
    for mop, name in ((1, "ux"), (3, "ox")):
        yield Absent(f"{start}{name}{segment}ei{width}.v", "V", bits | mop << 26, ADDRESSED)
    yield Absent(f"{start}s{segment}e{width}.v", "V", bits | 2 << 26, ADDRESSED)
    if fields in (1, 2, 4, 8):
        whole = bits | 0x0280_0000
        if load:
            yield Absent(f"vl{fields}re{width}.v", "V", whole, 0xFFF0_707F)
        elif width == 8:
            yield Absent(f"vs{fields}r.v", "V", whole, 0xFFF0_707F)


ROWS: tuple[Absent, ...] = (
    *_arithmetic(),
    *(
        row
        for opcode in (LOAD_FP, STORE_FP)
        for fields in range(1, 9)
        for funct3 in WIDTHS
        for row in _access(opcode, fields, funct3)
    ),
    *exact("V", ("vlm.v", 0x02B0_0007), ("vsm.v", 0x02B0_0027), mask=0xFFF0_707F),
)
