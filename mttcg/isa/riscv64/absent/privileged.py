"""Instructions and CSRs of modes and extensions that a hart lacks.

Privileged ISA 2.2 (CSR listing), chapters on Svinval, the hypervisor extension
and Smrnmi; the debug specification; the AIA for Smaia and Ssaia.
"""

from collections.abc import Iterable

from mttcg.isa.riscv64.absent.row import SYSTEM, Absent, exact, registers, unary

NO_RESULT = 0xFE00_7FFF
"""Fixed bits where rs1 and rs2 are free, and rd is 0."""
INSTRUCTIONS: tuple[Absent, ...] = (
    *registers(
        "H", ("hfence.vvma", SYSTEM, 0, 0x11), ("hfence.gvma", SYSTEM, 0, 0x31), mask=NO_RESULT
    ),
    *registers(
        "Svinval",
        ("hinval.vvma", SYSTEM, 0, 0x13),
        ("hinval.gvma", SYSTEM, 0, 0x33),
        mask=NO_RESULT,
    ),
    *unary(
        "H",
        ("hlv.b", SYSTEM, 4, 0x30, 0),
        ("hlv.bu", SYSTEM, 4, 0x30, 1),
        ("hlv.h", SYSTEM, 4, 0x32, 0),
        ("hlv.hu", SYSTEM, 4, 0x32, 1),
        ("hlvx.hu", SYSTEM, 4, 0x32, 3),
        ("hlv.w", SYSTEM, 4, 0x34, 0),
        ("hlv.wu", SYSTEM, 4, 0x34, 1),
        ("hlvx.wu", SYSTEM, 4, 0x34, 3),
        ("hlv.d", SYSTEM, 4, 0x36, 0),
    ),
    *registers(
        "H",
        ("hsv.b", SYSTEM, 4, 0x31),
        ("hsv.h", SYSTEM, 4, 0x33),
        ("hsv.w", SYSTEM, 4, 0x35),
        ("hsv.d", SYSTEM, 4, 0x37),
        mask=NO_RESULT,
    ),
    *exact("Smrnmi", ("mnret", 0x7020_0073)),
    *exact("Sdext", ("dret", 0x7B20_0073)),
)

_CSRS = {
    "V": "008 vstart 009 vxsat 00a vxrm 00f vcsr c20 vl c21 vtype c22 vlenb",
    "Zkr": "015 seed",
    "Zcmt": "017 jvt",
    "Zicfiss": "011 ssp",
    "Ssccfg": "120 scountinhibit",
    "Sscofpmf": "da0 scountovf",
    "Ssstateen": "10c sstateen0 10d sstateen1 10e sstateen2 10f sstateen3",
    "Ssqosid": "181 srmcfg",
    "Sscsrind": "150 siselect 151 sireg 152 sireg2 153 sireg3 155 sireg4 156 sireg5 157 sireg6",
    "Ssaia": "15c stopei db0 stopi",
    "H": (
        "200 vsstatus 204 vsie 205 vstvec 240 vsscratch 241 vsepc 242 vscause 243 vstval 244 vsip "
        "24d vstimecmp 280 vsatp 600 hstatus 602 hedeleg 603 hideleg 604 hie 605 htimedelta "
        "606 hcounteren 607 hgeie 60a henvcfg 60c hstateen0 60d hstateen1 60e hstateen2 "
        "60f hstateen3 643 htval 644 hip 645 hvip 64a htinst 680 hgatp e12 hgeip 34a mtinst "
        "34b mtval2"
    ),
    "Smstateen": "30c mstateen0 30d mstateen1 30e mstateen2 30f mstateen3",
    "Smcntrpmf": "321 mcyclecfg 322 minstretcfg",
    "Smepmp": "747 mseccfg",
    "Smrnmi": "740 mnscratch 741 mnepc 742 mncause 744 mnstatus",
    "Smcsrind": "350 miselect 351 mireg 352 mireg2 353 mireg3 355 mireg4 356 mireg5 357 mireg6",
    "Smaia": "308 mvien 309 mvip 35c mtopei fb0 mtopi",
    "Sdtrig": (
        "5a8 scontext 6a8 hcontext 7a0 tselect 7a1 tdata1 7a2 tdata2 7a3 tdata3 7a4 tinfo "
        "7a5 tcontrol 7a8 mcontext"
    ),
    "Sdext": "7b0 dcsr 7b1 dpc 7b2 dscratch0 7b3 dscratch1",
}
ANY_NUMBER = 0xFFF
REGISTERS_OF_PMP = range(64)


def _csrs() -> Iterable[Absent]:
    for extension, text in _CSRS.items():
        words = text.split()
        for digits, name in zip(words[::2], words[1::2], strict=True):
            yield Absent(f"CSR {name}", extension, int(digits, 16), ANY_NUMBER)
    for number in REGISTERS_OF_PMP:
        yield Absent(f"CSR pmpaddr{number}", "PMP", 0x3B0 + number, ANY_NUMBER)
    for number in REGISTERS_OF_PMP[:16:2]:  # with 64 bits each of them has eight regions
        yield Absent(f"CSR pmpcfg{number}", "PMP", 0x3A0 + number, ANY_NUMBER)


CSRS: dict[int, Absent] = {csr.match: csr for csr in _csrs()}
"""By number; some of PMP's are there."""
