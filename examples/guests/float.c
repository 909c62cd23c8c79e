/* float: single and double precision arithmetic, each result and its flags compared with the bits that IEEE 754 and the
   F and D extensions ask for; and floating point switched off in mstatus, where it must be an illegal instruction.
   Every hart checks, hart 0 prints. Exit status 0 if all are right, else 1. */
#include "runtime/console.h"
#include "runtime/csr.h"
#include "runtime/harts.h"
#include "runtime/trap.h"

/* fcsr's flags. */
#define INEXACT 1
#define UNDERFLOW 2
#define OVERFLOW 4
#define DIVISION_BY_ZERO 8
#define INVALID 16

#define ILLEGAL_INSTRUCTION 2
#define NOT_A_NUMBER 0x7ff8000000000000UL
#define ONE 0x3ff0000000000000UL
#define INFINITY 0x7ff0000000000000UL
#define SINGLE(bits) (0xffffffff00000000UL | (bits))

struct outcome {
    uint64_t bits, flags;
};

/* An operation on the bits of up to three operands. In the text they are ft0, ft1, ft2 (as doubles: a single comes boxed)
   and the result goes to ft3, or to t0 when it is an integer. */
typedef struct outcome operation(uint64_t a, uint64_t b, uint64_t c);

#define OPERATION(name, text, result) \
    static struct outcome name(uint64_t a, uint64_t b, uint64_t c) { \
        struct outcome outcome; \
        __asm__ volatile("csrw fflags, zero\n fmv.d.x ft0, %2\n fmv.d.x ft1, %3\n fmv.d.x ft2, %4\n" text "\n" result \
                         "\n csrr %1, fflags" \
                         : "=&r"(outcome.bits), "=&r"(outcome.flags) \
                         : "r"(a), "r"(b), "r"(c) \
                         : "t0", "ft0", "ft1", "ft2", "ft3"); \
        return outcome; \
    }
#define TO_FLOAT(name, text) OPERATION(name, text, "fmv.x.d %0, ft3")
#define TO_INTEGER(name, text) OPERATION(name, text, "mv %0, t0")

TO_FLOAT(add_double, "fadd.d ft3, ft0, ft1")
TO_FLOAT(divide_double, "fdiv.d ft3, ft0, ft1")
TO_FLOAT(divide_double_up, "fdiv.d ft3, ft0, ft1, rup")
TO_FLOAT(divide_double_down, "fdiv.d ft3, ft0, ft1, rdn")
TO_FLOAT(divide_double_fcsr, "csrwi frm, 3\n fdiv.d ft3, ft0, ft1\n csrwi frm, 0")
TO_FLOAT(root_double, "fsqrt.d ft3, ft0")
TO_FLOAT(multiply_double, "fmul.d ft3, ft0, ft1")
TO_FLOAT(fused_double, "fmadd.d ft3, ft0, ft1, ft2")
TO_FLOAT(least_double, "fmin.d ft3, ft0, ft1")
TO_FLOAT(sign_double, "fsgnjn.d ft3, ft0, ft1")
TO_FLOAT(divide_single, "fdiv.s ft3, ft0, ft1")
TO_FLOAT(add_single, "fadd.s ft3, ft0, ft1")
TO_FLOAT(narrow, "fcvt.s.d ft3, ft0")
TO_FLOAT(widen, "fcvt.d.s ft3, ft0")
TO_INTEGER(less_double, "flt.d t0, ft0, ft1")
TO_INTEGER(equal_double, "feq.d t0, ft0, ft1")
TO_INTEGER(class_double, "fclass.d t0, ft0")
TO_INTEGER(to_word, "fcvt.w.d t0, ft0, rtz")
TO_INTEGER(to_unsigned_long, "fcvt.lu.d t0, ft0, rtz")
TO_FLOAT(from_long, "fcvt.d.l ft3, %2")

static const struct check {
    const char *name;
    operation *run;
    uint64_t a, b, c;
    struct outcome expected;
} checks[] = {
    {"1.0 / 3.0", divide_double, ONE, 0x4008000000000000, 0, {0x3fd5555555555555, INEXACT}},
    {"1.0 / 3.0 up", divide_double_up, ONE, 0x4008000000000000, 0, {0x3fd5555555555556, INEXACT}},
    {"-1.0 / 3.0 down", divide_double_down, 0xbff0000000000000, 0x4008000000000000, 0, {0xbfd5555555555556, INEXACT}},
    {"1.0 / 3.0 frm up", divide_double_fcsr, ONE, 0x4008000000000000, 0, {0x3fd5555555555556, INEXACT}},
    {"1.0 / 0.0", divide_double, ONE, 0, 0, {INFINITY, DIVISION_BY_ZERO}},
    {"0.0 / 0.0", divide_double, 0, 0, 0, {NOT_A_NUMBER, INVALID}},
    {"0.1 + 0.2", add_double, 0x3fb999999999999a, 0x3fc999999999999a, 0, {0x3fd3333333333334, INEXACT}},
    {"inf - inf", add_double, INFINITY, 0xfff0000000000000, 0, {NOT_A_NUMBER, INVALID}},
    {"sqrt(2.0)", root_double, 0x4000000000000000, 0, 0, {0x3ff6a09e667f3bcd, INEXACT}},
    {"sqrt(-1.0)", root_double, 0xbff0000000000000, 0, 0, {NOT_A_NUMBER, INVALID}},
    {"largest * largest", multiply_double, 0x7fefffffffffffff, 0x7fefffffffffffff, 0, {INFINITY, OVERFLOW | INEXACT}},
    {"smallest * smallest", multiply_double, 1, 1, 0, {0, UNDERFLOW | INEXACT}},
    /* (1 + 2^-52)^2 - 1 - 2^-51 is 2^-104, which a product rounded on its own would lose. */
    {"fused multiply-add", fused_double, 0x3ff0000000000001, 0x3ff0000000000001, 0xbff0000000000002, {0x3970000000000000, 0}},
    {"min(NaN, 1.0)", least_double, NOT_A_NUMBER, ONE, 0, {ONE, 0}},
    {"negated sign", sign_double, ONE, ONE, 0, {0xbff0000000000000, 0}},
    {"1.0f / 3.0f", divide_single, SINGLE(0x3f800000), SINGLE(0x40400000), 0, {SINGLE(0x3eaaaaab), INEXACT}},
    {"1.0f not boxed", add_single, 0x3f800000, SINGLE(0), 0, {SINGLE(0x7fc00000), 0}},
    {"double to single", narrow, 0x3fb999999999999a, 0, 0, {SINGLE(0x3dcccccd), INEXACT}},
    {"single to double", widen, SINGLE(0x3dcccccd), 0, 0, {0x3fb99999a0000000, 0}},
    {"1.0 < NaN", less_double, ONE, NOT_A_NUMBER, 0, {0, INVALID}},
    {"NaN == NaN", equal_double, NOT_A_NUMBER, NOT_A_NUMBER, 0, {0, 0}},
    {"class of -inf", class_double, 0xfff0000000000000, 0, 0, {1, 0}},
    {"class of smallest", class_double, 1, 0, 0, {1 << 5, 0}},
    {"NaN to int", to_word, NOT_A_NUMBER, 0, 0, {0x7fffffff, INVALID}},
    {"-1.5 to int", to_word, 0xbff8000000000000, 0, 0, {0xffffffffffffffff, INEXACT}},
    {"-1.0 to unsigned", to_unsigned_long, 0xbff0000000000000, 0, 0, {0, INVALID}},
    {"2^53 + 1 to double", from_long, 0x20000000000001, 0, 0, {0x4340000000000000, INEXACT}},
};
#define CHECKS (sizeof checks / sizeof checks[0])

static struct {
    _Alignas(HART_LINE) volatile uint64_t illegal;
} state[MAXIMUM_HARTS];

/* Steps over the one instruction that is meant to trap. */
void guest_trap(struct trap_frame *frame) {
    if (read_csr(mcause) != ILLEGAL_INSTRUCTION) {
        finish(2);
    }
    state[hart_number()].illegal++;
    frame->pc += 4;
}

static void print_result(uint64_t hart, const char *name, const struct outcome *outcome, uint64_t wrong) {
    if (hart != 0 && !wrong) {
        return;
    }
    console_lock();
    print_column(name, 22);
    print_hexadecimal(outcome->bits);
    print_text(" flags ");
    print_number(outcome->flags);
    print_text(wrong ? " WRONG\n" : " ok\n");
    console_unlock();
}

/* With mstatus.FS off a floating point instruction is illegal; on again, the registers still hold what they held. */
static uint64_t check_switch(uint64_t hart) {
    struct outcome outcome = {0, 0};
    __asm__ volatile("fmv.d.x fs0, %0" : : "r"(ONE) : "fs0");
    clear_csr(mstatus, MSTATUS_FS);
    __asm__ volatile(".option push\n.option norvc\n fmv.d.x fs0, zero\n.option pop" : : : "memory");
    set_csr(mstatus, MSTATUS_FS);
    __asm__ volatile("fmv.x.d %0, fs0" : "=r"(outcome.bits) : : "memory");
    uint64_t wrong = state[hart].illegal != 1 || outcome.bits != ONE;
    print_result(hart, "switched off and on", &outcome, wrong);
    return wrong;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t any = 0;
    for (unsigned i = 0; i < CHECKS; i++) {
        const struct check *check = &checks[i];
        struct outcome outcome = check->run(check->a, check->b, check->c);
        uint64_t wrong = outcome.bits != check->expected.bits || outcome.flags != check->expected.flags;
        print_result(hart, check->name, &outcome, wrong);
        any |= wrong;
    }
    return any | check_switch(hart);
}
