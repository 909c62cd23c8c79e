"""The names of what the hart lacks, and of extensions that it has, against an assembler's."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from elftools.elf.elffile import ELFFile

from mttcg.isa.riscv64.absent import privileged
from mttcg.isa.riscv64.absent.lookup import ROWS, absent
from mttcg.isa.riscv64.csr import CSRS
from mttcg.isa.riscv64.extensions import EXTENSIONS
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table.decode import ROWS as OWN
from mttcg.isa.riscv64.table.decode import decode

GUESTS = Path(__file__).parents[2] / "examples" / "guests"
MARCH = (
    "+zba+zbb+zbs+zbc+zbkb+zbkx+zknd+zkne+zknh+zksed+zksh+zkr+zicond+zfh+zfhmin+zfbfmin+zfa+zawrs"
    "+zicbom+zicboz+zimop+zcmop+zcb+zacas+zabha+v+svinval+h"
)
ASSEMBLED = {
    "Zbc": "clmul a0,a1,a2; clmulr a0,a1,a2; clmulh a0,a1,a2",
    "Zbkb": "pack a0,a1,a2; packh a0,a1,a2; packw a0,a1,a2; brev8 a0,a1",
    "Zbkx": "xperm4 a0,a1,a2; xperm8 a0,a1,a2",
    "Zicond": "czero.eqz a0,a1,a2; czero.nez a0,a1,a2",
    "Zknd": "aes64ds a0,a1,a2; aes64dsm a0,a1,a2; aes64im a0,a1",
    "Zkne": "aes64es a0,a1,a2; aes64esm a0,a1,a2",
    "Zknd/Zkne": "aes64ks1i a0,a1,10; aes64ks2 a0,a1,a2",
    "Zknh": "sha256sum0 a0,a1; sha256sum1 a0,a1; sha256sig0 a0,a1; sha256sig1 a0,a1; "
    "sha512sum0 a0,a1; sha512sum1 a0,a1; sha512sig0 a0,a1; sha512sig1 a0,a1",
    "Zksed": "sm4ed a0,a1,a2,3; sm4ks a0,a1,a2,0",
    "Zksh": "sm3p0 a0,a1; sm3p1 a0,a1",
    "Zfh": "fmadd.h fa0,fa1,fa2,fa3; fnmsub.h fa0,fa1,fa2,fa3,rtz; fadd.h fa0,fa1,fa2; "
    "fdiv.h fa0,fa1,fa2; fsqrt.h fa0,fa1; fsgnjx.h fa0,fa1,fa2; fmax.h fa0,fa1,fa2; "
    "fcvt.lu.h a0,fa1; fcvt.h.w fa0,a1; feq.h a0,fa1,fa2; fclass.h a0,fa1",
    "Zfhmin": "flh fa0,6(a1); fsh fa0,-6(a1); fmv.x.h a0,fa1; fmv.h.x fa0,a1; fcvt.s.h fa0,fa1; "
    "fcvt.h.s fa0,fa1; fcvt.d.h fa0,fa1; fcvt.h.d fa0,fa1",
    "Zfbfmin": "fcvt.bf16.s fa0,fa1; fcvt.s.bf16 fa0,fa1",
    "Zfa": "fli.s fa0,1.0; fli.d fa0,inf; fli.h fa0,-1.0; fminm.s fa0,fa1,fa2; "
    "fmaxm.d fa0,fa1,fa2; fround.s fa0,fa1; froundnx.h fa0,fa1; fcvtmod.w.d a0,fa1,rtz; "
    "fleq.d a0,fa1,fa2; fltq.s a0,fa1,fa2",
    "Zawrs": "wrs.nto; wrs.sto",
    "Zicbom": "cbo.inval (a0); cbo.clean (a0); cbo.flush (a0)",
    "Zicboz": "cbo.zero (a0)",
    "Zimop": "mop.r.0 a0,a1; mop.r.13 a0,a1; mop.r.31 a0,a1; mop.rr.0 a0,a1,a2; mop.rr.7 a0,a1,a2",
    "Zcmop": "c.mop.1; c.mop.3; c.mop.15",
    "Zcb": "c.lbu a0,3(a1); c.lhu a0,2(a1); c.lh a0,0(a1); c.sb a0,1(a1); c.sh a0,2(a1); "
    "c.zext.b a0; c.sext.b a0; c.zext.h a0; c.sext.h a0; c.zext.w a0; c.not a0; c.mul a0,a1",
    "Zacas": "amocas.w a0,a1,(a2); amocas.d.aqrl a0,a1,(a2); amocas.q a0,a2,(a4)",
    "Zabha": "amoswap.b a0,a1,(a2); amoadd.h.aq a0,a1,(a2); amoxor.b a0,a1,(a2); "
    "amoand.h a0,a1,(a2); amoor.b a0,a1,(a2); amomin.h a0,a1,(a2); amomaxu.b.rl a0,a1,(a2); "
    "amocas.b a0,a1,(a2); amocas.h a0,a1,(a2)",
    "V": "vsetvli a0,a1,e32,m1,ta,ma; vsetivli a0,4,e8,m2,ta,ma; vsetvl a0,a1,a2; vle8.v v1,(a0); "
    "vse64.v v1,(a0),v0.t; vlm.v v1,(a0); vle32ff.v v1,(a0); vlse16.v v1,(a0),a1; "
    "vluxei32.v v1,(a0),v2; vsoxei8.v v1,(a0),v2; vlseg3e16.v v1,(a0); vssseg2e32.v v1,(a0),a1; "
    "vl4re64.v v4,(a0); vs8r.v v8,(a0); vadd.vv v1,v2,v3; vadd.vi v1,v2,5,v0.t; vsub.vx v1,v2,a0; "
    "vrsub.vi v1,v2,3; vadc.vvm v1,v2,v3,v0; vmadc.vx v1,v2,a0; vmerge.vim v1,v2,3,v0; "
    "vmv.v.v v1,v2; vmv.v.x v1,a0; vmv.v.i v1,3; vmv.x.s a0,v1; vmv.s.x v1,a0; vmv2r.v v2,v4; "
    "vmseq.vi v1,v2,3; vnsrl.wv v1,v2,v4; vredsum.vs v1,v2,v3; vmul.vv v1,v2,v3; "
    "vmacc.vx v1,a0,v2; vwaddu.wv v2,v4,v3; vzext.vf4 v1,v2; vcpop.m a0,v1; vid.v v1; "
    "viota.m v1,v2; vmand.mm v1,v2,v3; vcompress.vm v1,v2,v3; vslide1up.vx v1,v2,a0; "
    "vrgatherei16.vv v1,v2,v3; vfadd.vf v1,v2,fa0; vfmacc.vv v1,v2,v3; vfsqrt.v v1,v2; "
    "vfcvt.rtz.x.f.v v1,v2; vfwcvt.f.f.v v2,v1; vfncvt.f.f.w v1,v2; vfmv.f.s fa0,v1; "
    "vfmv.v.f v1,fa0; vfmerge.vfm v1,v2,fa0,v0; vmfge.vf v1,v2,fa0; vfredosum.vs v1,v2,v3",
    "Svinval": "sinval.vma a0,a1; sfence.w.inval; sfence.inval.ir; hinval.gvma a0,a1",
    "H": "hfence.vvma a0,a1; hlv.w a0,(a1); hlvx.hu a0,(a1); hsv.d a0,(a1)",
}


def builder() -> ModuleType:
    specification = importlib.util.spec_from_file_location("build_guests", GUESTS / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """The instructions of ASSEMBLED, in order."""
    folder = tmp_path_factory.mktemp("absent")
    source, made = folder / "absent.s", folder / "absent.o"
    lines = [line for text in ASSEMBLED.values() for line in text.split("; ")]
    source.write_text("\n".join(lines) + "\n")
    target = ("-target", "riscv64-freestanding-none", f"-mcpu=baseline_rv64{MARCH}")
    builder().run_zig(("cc", "-c", *target, str(source), "-o", str(made)), folder / "cache")
    with made.open("rb") as file:
        code = ELFFile(file).get_section_by_name(".text").data()
    found, at = [], 0
    while at < len(code):
        size = length(int.from_bytes(code[at : at + 2], "little"))
        found.append(int.from_bytes(code[at : at + size], "little"))
        at += size
    assert len(found) == len(lines)
    return found


def test_instructions_have_the_assembler_s_names(words: list[int]) -> None:
    expected = [
        (line.split()[0].removesuffix(".aqrl").removesuffix(".aq").removesuffix(".rl"), extension)
        for extension, text in ASSEMBLED.items()
        for line in text.split("; ")
    ]
    found = [decode(word) for word in words]
    rows = [
        absent(word, EXTENSIONS["llvm"]) if own is None else own.row
        for word, own in zip(words, found, strict=True)
    ]
    assert [row and (row.name, row.extension) for row in rows] == expected


def test_every_extension_is_there() -> None:
    had = {row.extension for row in OWN}
    beyond = {"Q", "Svinval", "Zfa", "Zicfiss", "Smrnmi", "Sdext"}
    lacked = {*ASSEMBLED} - had | beyond
    assert {row.extension for row in ROWS} == lacked


def test_a_row_is_found_by_its_own_bits_and_is_none_of_ours() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row.match & ~row.mask == 0
        if row.name == "packw":  # with x0 it is zext.h
            assert absent(row.match | 1 << 20, EXTENSIONS["llvm"]) == row
            continue
        assert decode(row.match) is None
        assert absent(row.match, EXTENSIONS["llvm"]) == row


def test_what_the_hart_has_is_not_absent() -> None:
    for row in OWN:
        assert absent(row.match, EXTENSIONS["llvm"]) is None, row.name
    named = {
        row.name
        for row in OWN
        if absent(row.match | 2 << 7 & ~row.mask, EXTENSIONS["unicorn"]) is not None
    }
    more = {*EXTENSIONS["llvm"]} - {*EXTENSIONS["unicorn"]} - {"svinval", "sstc"}
    assert named == {row.name for row in OWN if row.extension.lower() in more}


def test_what_nobody_has_is_not_absent() -> None:
    for word in (0, 0x0000_000B, 0xFFFF_FFFF, 0x9C01 | 3 << 5 | 7 << 2, 0x8000_0033):
        assert absent(word, EXTENSIONS["llvm"]) is None


def test_registers_are_named_by_number() -> None:
    def named(number: int, function: int = 2) -> str | None:
        found = absent(number << 20 | function << 12 | 10 << 7 | 0x73, EXTENSIONS["llvm"])
        return found and f"{found.name} of {found.extension}"

    assert named(0x680) == named(0x680, 1) == named(0x680, 7) == "CSR hgatp of H"
    assert named(0x3A4) == "CSR pmpcfg4 of PMP"
    assert named(0x3A1) is None, "there is none with 64 bits"
    assert named(0x015, 1) == "CSR seed of Zkr"
    assert named(0x7C0) is None, "for custom use"
    assert [number for number in CSRS if named(number) or named(number, 1)] == []
    assert len({csr.name for csr in privileged.CSRS.values()}) == len(privileged.CSRS)
