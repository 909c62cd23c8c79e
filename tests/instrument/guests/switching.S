/* A supervisor that goes from one address space to another in the middle of what it runs, `rounds` times forth and
   back: its code is at the same place in both. */
#define FINISHER 0x100000
#define HERE 0x40000000
#define SV39 8
#define SUPERVISOR_CODE 0xCB    /* V R X A D */

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
.macro entry table index physical flags
    la t0, \table
    la t1, \physical
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, \flags
    sd t1, 8 * (\index)(t0)
.endm
.macro tables name register
    entry root_\name, 1, middle_\name, 1
    entry middle_\name, 0, leaves_\name, 1
    entry leaves_\name, 0, program, SUPERVISOR_CODE
    la \register, root_\name
    srli \register, \register, 12
    li t2, SV39
    slli t2, t2, 60
    or \register, \register, t2
.endm
    tables first, s1
    tables second, s2
    li s3, HERE
    csrw satp, s1
    sfence.vma
    la s0, rounds
    ld s0, 0(s0)
    li t0, 0x1800
    csrc mstatus, t0
    li t0, 0x800
    csrs mstatus, t0
    li t0, HERE
    csrw mepc, t0
    mret
.balign 4
handler:
    csrr t0, mcause
    addi t0, t0, -9        /* a call of a supervisor */
    li t1, 0x5555
    beqz t0, 1f
    li t1, 0x13333
1:  li t0, FINISHER
    sw t1, 0(t0)
sleep:
    wfi
    j sleep

.balign 4096
.globl program
program:                   /* a turn: 5 instructions in the first space; 3 in the second, of which one loads */
1:  addi s0, s0, -1
    addi t0, t0, 1
    csrw satp, s2
    addi t0, t0, 1
    ld t1, 0(s3)
    csrw satp, s1
    addi t0, t0, 1
    bnez s0, 1b
    ecall
.balign 4096

.data
.balign 8
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
root_second:
    .space 4096
middle_second:
    .space 4096
leaves_second:
    .space 4096
