/* Two programs in two address spaces, at the same addresses and with the same stack. Each calls a function that a
   fault in the middle of a block takes out of, to go on with the other program, which is in that function as well.
   `rounds` calls each; the first has arguments from 1,000 on, the second from 2,000 on; the function doubles them. */
#include "sv39.inc"
#define HERE 0x40000000
#define STACK 0x40011000
#define USER_CALL 8
#define LOAD_PAGE_FAULT 13
#define FIELDS 12

.option norvc
.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    bnez a0, sleep
    open_to_all
    call make_tables
    la t6, saved_first
    la t0, saved_second
    la t1, rounds
    ld t1, 0(t1)
    sd t1, 40(t6)
    sd t1, 40(t0)
    sd t0, 80(t6)
    sd t6, 80(t0)
    la t1, root_first
    satp_of_root t1
    sd t1, 72(t6)
    la t1, root_second
    satp_of_root t1
    sd t1, 72(t0)
    li t0, 0x1800
    csrc mstatus, t0

go_on:                     /* with the program whose registers are at t6 */
    ld t0, 72(t6)
    csrw satp, t0
    sfence.vma
    ld t0, 0(t6)
    csrw mepc, t0
    ld ra, 8(t6)
    ld sp, 16(t6)
    ld s0, 24(t6)
    ld s1, 32(t6)
    ld s2, 40(t6)
    ld a0, 48(t6)
    ld a1, 56(t6)
    csrw mscratch, t6
    mret
.balign 4
handler:
    csrrw t6, mscratch, t6
    sd ra, 8(t6)
    sd sp, 16(t6)
    sd s0, 24(t6)
    sd s1, 32(t6)
    sd s2, 40(t6)
    sd a0, 48(t6)
    sd a1, 56(t6)
    csrr t0, mepc
    addi t0, t0, 4
    sd t0, 0(t6)
    ld t5, 80(t6)
    ld t4, 88(t5)          /* whether the other has ended */
    csrr t0, mcause
    addi t1, t0, -LOAD_PAGE_FAULT
    beqz t1, 1f
    addi t1, t0, -USER_CALL
    li t2, 0x13333
    bnez t1, end
    li t2, 0x5555
    bnez t4, end
    li t0, 1
    sd t0, 88(t6)
1:  bnez t4, go_on
    mv t6, t5
    j go_on
end:
    li t0, FINISHER
    sw t2, 0(t0)
sleep:
    wfi
    j sleep

.macro tables name
    begin_space \name
    entry leaves_\name, 0, program, USER_CODE
    entry leaves_\name, 16, stack_\name, USER_DATA
.endm
make_tables:
    tables first
    tables second
    ret

.balign 4096
.globl program, twice, behind
program:
1:  mv a0, s1
    addi sp, sp, -16
    call twice
    addi sp, sp, 16
    addi s1, s1, 1
    addi s0, s0, 1
    bltu s0, s2, 1b
    ecall
twice:
    slli a1, a0, 1
    lw a0, 0(zero)         /* to the other program */
behind:
    mv a0, a1
    ret
.balign 4096

.data
.balign 8
/* of a program: pc, ra, sp, s0, s1, s2, a0, a1, -, satp, the other's, whether it has ended */
saved_first:
    .dword HERE, 0, STACK, 0, 1000
    .space 8 * (FIELDS - 5)
saved_second:
    .dword HERE, 0, STACK, 0, 2000
    .space 8 * (FIELDS - 5)
.globl rounds
rounds:
    .dword 3
    tables_of first
stack_first:
    .space 4096
    tables_of second
stack_second:
    .space 4096
