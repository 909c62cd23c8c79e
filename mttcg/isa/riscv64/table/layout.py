"""The formats of RV64GC (Unprivileged ISA 2.2, 2.3, 26.2)."""

from mttcg.isa.table.layout import NOTHING, Field, Layout, signed, unsigned

RD, RS1, RS2, RS3 = (Field(((low, 5, 0),)) for low in (7, 15, 20, 27))
RM = Field(((12, 3, 0),))
X0, X1, X2 = Field(base=0), Field(base=1), Field(base=2)
CD = Field(((7, 5, 0),))
CS2 = Field(((2, 5, 0),))
HIGH = Field(((7, 3, 0),), 8)
"""rs1' and rd' of compressed instructions: x8 to x15."""
LOW = Field(((2, 3, 0),), 8)
"""rs2', or rd' of CL and CIW."""


SHIFT = unsigned((12, 1, 5), (2, 5, 0))
SHORT = signed(6, (12, 1, 5), (2, 5, 0))
OFFSET_1, OFFSET_2 = unsigned((6, 1, 0), (5, 1, 1)), unsigned((5, 1, 1))
OFFSET_4, OFFSET_8 = (
    unsigned((10, 3, 3), (6, 1, 2), (5, 1, 6)),
    unsigned((10, 3, 3), (5, 2, 6)),
)


_ALL = (
    Layout("none"),
    Layout("R", RD, RS1, RS2),
    Layout("R-unary", RD, RS1),
    Layout("R-fence", NOTHING, RS1, RS2),
    Layout("R-block", NOTHING, RS1),
    Layout("R-float", RD, RS1, RS2, rounding=RM),
    Layout("R-float-unary", RD, RS1, rounding=RM),
    Layout("R4", RD, RS1, RS2, RS3, rounding=RM),
    Layout("AMO", RD, RS1, RS2, immediate=unsigned((25, 2, 0))),  # aq, rl
    Layout("LR", RD, RS1, immediate=unsigned((25, 2, 0))),
    Layout("I", RD, RS1, immediate=signed(12, (20, 12, 0))),
    Layout("I-shift", RD, RS1, immediate=unsigned((20, 6, 0))),
    Layout("I-shift-word", RD, RS1, immediate=unsigned((20, 5, 0))),
    Layout("I-system", RD, RS1, immediate=unsigned((20, 12, 0))),  # a CSR; fm, pred, succ
    Layout("S", NOTHING, RS1, RS2, immediate=signed(12, (25, 7, 5), (7, 5, 0))),
    Layout(
        "B",
        NOTHING,
        RS1,
        RS2,
        immediate=signed(13, (31, 1, 12), (7, 1, 11), (25, 6, 5), (8, 4, 1)),
    ),
    Layout("U", RD, immediate=signed(32, (12, 20, 12))),
    Layout("J", RD, immediate=signed(21, (31, 1, 20), (12, 8, 12), (20, 1, 11), (21, 10, 1))),
    Layout("C-none", size=2),
    Layout("C-nop", immediate=SHORT, size=2),
    Layout("CR", CD, CD, CS2, size=2),
    Layout("CR-move", CD, X0, CS2, size=2),
    Layout("CR-jump", X0, CD, size=2),
    Layout("CR-call", X1, CD, size=2),
    Layout("CI", CD, CD, immediate=SHORT, size=2),
    Layout("CI-load", CD, X0, immediate=SHORT, size=2),
    Layout("CI-upper", CD, immediate=signed(18, (12, 1, 17), (2, 5, 12)), size=2),
    Layout(
        "CI-stack",
        X2,
        X2,
        size=2,
        immediate=signed(10, (12, 1, 9), (6, 1, 4), (5, 1, 6), (3, 2, 7), (2, 1, 5)),
    ),
    Layout("CI-shift", CD, CD, immediate=SHIFT, size=2),
    Layout("CI-pop-4", CD, X2, size=2, immediate=unsigned((12, 1, 5), (4, 3, 2), (2, 2, 6))),
    Layout("CI-pop-8", CD, X2, size=2, immediate=unsigned((12, 1, 5), (5, 2, 3), (2, 3, 6))),
    Layout("CSS-4", NOTHING, X2, CS2, size=2, immediate=unsigned((9, 4, 2), (7, 2, 6))),
    Layout("CSS-8", NOTHING, X2, CS2, size=2, immediate=unsigned((10, 3, 3), (7, 3, 6))),
    Layout(
        "CIW",
        LOW,
        X2,
        size=2,
        immediate=unsigned((11, 2, 4), (7, 4, 6), (6, 1, 2), (5, 1, 3)),
    ),
    Layout("CL-4", LOW, HIGH, immediate=OFFSET_4, size=2),
    Layout("CL-8", LOW, HIGH, immediate=OFFSET_8, size=2),
    Layout("CS-4", NOTHING, HIGH, LOW, immediate=OFFSET_4, size=2),
    Layout("CS-8", NOTHING, HIGH, LOW, immediate=OFFSET_8, size=2),
    Layout("CL-1", LOW, HIGH, immediate=OFFSET_1, size=2),
    Layout("CL-2", LOW, HIGH, immediate=OFFSET_2, size=2),
    Layout("CS-1", NOTHING, HIGH, LOW, immediate=OFFSET_1, size=2),
    Layout("CS-2", NOTHING, HIGH, LOW, immediate=OFFSET_2, size=2),
    Layout("CU", HIGH, HIGH, X0, size=2),
    Layout("CU-byte", HIGH, HIGH, immediate=Field(base=0xFF), size=2),
    Layout("CU-ones", HIGH, HIGH, immediate=Field(base=-1), size=2),
    Layout("CA", HIGH, HIGH, LOW, size=2),
    Layout("CB-shift", HIGH, HIGH, immediate=SHIFT, size=2),
    Layout("CB-and", HIGH, HIGH, immediate=SHORT, size=2),
    Layout(
        "CB",
        NOTHING,
        HIGH,
        X0,
        size=2,
        immediate=signed(9, (12, 1, 8), (10, 2, 3), (5, 2, 6), (3, 2, 1), (2, 1, 5)),
    ),
    Layout(
        "CJ",
        X0,
        size=2,
        immediate=signed(
            12,
            (12, 1, 11),
            (11, 1, 4),
            (9, 2, 8),
            (8, 1, 10),
            (7, 1, 6),
            (6, 1, 7),
            (3, 3, 1),
            (2, 1, 5),
        ),
    ),
)

LAYOUTS = {layout.name: layout for layout in _ALL}
"""Every layout by its name: the specification's format, and what sets it apart within that."""
