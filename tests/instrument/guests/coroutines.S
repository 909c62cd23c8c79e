/* Two programs in two address spaces, at the same addresses and with the same stack. Each calls a function that a
   fault in the middle of a block takes out of, to go on with the other program, which is in that function as well.
   `rounds` calls each; the first has arguments from 1,000 on, the second from 2,000 on; the function doubles them. */
#define FINISHER 0x100000
#define HERE 0x40000000
#define STACK 0x40011000
#define SV39 8
#define USER_CODE 0xDB     /* V R X U A D */
#define USER_DATA 0xD7     /* V R W U A D */
#define USER_CALL 8
#define LOAD_PAGE_FAULT 13
#define FIELDS 12

.option norvc
.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    bnez a0, sleep
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    la t0, handler
    csrw mtvec, t0
    call make_tables
    la t6, saved_first
    la t0, saved_second
    la t1, rounds
    ld t1, 0(t1)
    sd t1, 40(t6)
    sd t1, 40(t0)
    sd t0, 80(t6)
    sd t6, 80(t0)
    li t2, SV39
    slli t2, t2, 60
    la t1, root_first
    srli t1, t1, 12
    or t1, t1, t2
    sd t1, 72(t6)
    la t1, root_second
    srli t1, t1, 12
    or t1, t1, t2
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

/* table, index in it, physical address, flags */
.macro entry table index physical flags
    la t0, \table
    la t1, \physical
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, \flags
    sd t1, 8 * (\index)(t0)
.endm
.macro tables name
    entry root_\name, 1, middle_\name, 1
    entry middle_\name, 0, leaves_\name, 1
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
.globl rounds, root_first, root_second
rounds:
    .dword 3
.balign 4096
root_first:
    .space 4096
middle_first:
    .space 4096
leaves_first:
    .space 4096
stack_first:
    .space 4096
root_second:
    .space 4096
middle_second:
    .space 4096
leaves_second:
    .space 4096
stack_second:
    .space 4096
