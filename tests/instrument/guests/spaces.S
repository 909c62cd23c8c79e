/* Each hart runs code at the same addresses in two address spaces, in turns with the others, and counts what it ran.
   Pages `first` and `second` are at HERE, each in its space; `first` is also at THERE, in both, and `inner`, for a
   supervisor, at INNER. A step is a space, a level, a place and a row of `known`; for each, machine mode adds there
   how often the loop went round. Odd harts begin in the middle. `rounds` times all steps, `turns` of the loop each.
   `harts` says how many take part; the last of them ends the guest. */
#include "sv39.inc"
#define HERE 0x40000000
#define THERE 0x40002000
#define INNER 0x40003000
#define DATA 0x40010000
#define MPP 0x1800
#define STEPS 8
#define STEP 32
#define ROW 64             /* of a hart in `known` */

.option norvc
.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    la s3, harts
    ld s3, 0(s3)
    bgeu a0, s3, sleep
    mv s11, a0
    open_to_all
    la s1, ready
    bnez s11, wait
    call make_tables
    li t0, 1
    fence rw, rw
    sd t0, 0(s1)
wait:
    ld t0, 0(s1)
    beqz t0, wait
    fence rw, rw
    la s0, rounds
    ld s0, 0(s0)
    la s2, known
    slli t0, s11, 6
    add s2, s2, t0
    la s8, turns
    ld s8, 0(s8)
    andi s4, s11, 1
    slli s4, s4, 2         /* the step to begin with: 0, or 4 */
    slli t0, s11, 6
    la s9, DATA
    add s9, s9, t0

round:
    beqz s0, end
    addi s0, s0, -1
    li s5, STEPS
step:
    beqz s5, round
    addi s5, s5, -1
    la s6, steps
    slli t0, s4, 5
    add s6, s6, t0
    addi s4, s4, 1
    andi s4, s4, STEPS - 1
    ld t0, 0(s6)           /* the root */
    satp_of_root t0
    csrw satp, t0
    sfence.vma
    li t0, MPP
    csrc mstatus, t0
    ld t0, 8(s6)           /* the level */
    csrs mstatus, t0
    ld t0, 16(s6)          /* the place */
    csrw mepc, t0
    li a0, 0
    mv a1, s8
    mv a2, s9
.globl into
into:
    mret
.balign 4
.globl handler
handler:
    csrr t0, mcause
    addi t0, t0, -8
    sltiu t0, t0, 2        /* a call of user or supervisor */
    beqz t0, wrong
    ld t0, 24(s6)          /* the row */
    slli t0, t0, 3
    add t0, t0, s2
    ld t1, 0(t0)
    add t1, t1, a0
    sd t1, 0(t0)
    j step

end:
    la t2, done
    li t0, 1
    amoadd.d t0, t0, (t2)
    addi t0, t0, 1
    bne t0, s3, sleep
    li t0, FINISHER
    li t1, 0x5555
    sw t1, 0(t0)
sleep:
    wfi
    j sleep
wrong:
    li t0, FINISHER
    li t1, 0x13333
    sw t1, 0(t0)
    j sleep

make_tables:
    begin_space first
    entry leaves_first, 0, first, USER_CODE
    entry leaves_first, 2, first, USER_CODE
    entry leaves_first, 3, inner, SUPERVISOR_CODE
    entry leaves_first, 16, data_first, USER_DATA
    begin_space second
    entry leaves_second, 0, second, USER_CODE
    entry leaves_second, 2, first, USER_CODE
    entry leaves_second, 3, inner, SUPERVISOR_CODE
    entry leaves_second, 16, data_second, USER_DATA
    ret

.balign 4096
.globl first
first:
1:                     /* 5 instructions, a load and a store a turn */
    addi a0, a0, 1
    ld t1, 0(a2)
    sd t1, 8(a2)
    addi a1, a1, -1
    bnez a1, 1b
    ecall
.balign 4096
.globl second
second:
1:                    /* 6 instructions, two loads a turn */
    addi a0, a0, 1
    xor t1, t1, a0
    ld t1, 0(a2)
    ld t2, 8(a2)
    addi a1, a1, -1
    bnez a1, 1b
    ecall
.balign 4096
.globl inner
inner:
1:                     /* 3 instructions a turn */
    addi a0, a0, 1
    addi a1, a1, -1
    bnez a1, 1b
    ecall
.balign 4096

.data
.balign 8
steps:
    .dword root_first, 0, HERE, 0
    .dword root_second, 0, HERE, 1
    .dword root_first, 0, THERE, 2
    .dword root_first, 0x800, INNER, 4
    .dword root_second, 0, HERE, 1
    .dword root_second, 0, THERE, 3
    .dword root_second, 0x800, INNER, 5
    .dword root_first, 0, HERE, 0
.globl rounds, turns, harts, known
rounds:
    .dword 20
turns:
    .dword 50
harts:
    .dword 1
.balign 64
ready:
    .dword 0
.balign 64
done:
    .dword 0
.balign 64
known:
    .space 64 * ROW
    tables_of first
data_first:
    .space 4096
    tables_of second
data_second:
    .space 4096
