/* A supervisor that goes from one address space to another in the middle of what it runs, `rounds` times forth and
   back: its code is at the same place in both. */
#include "sv39.inc"
#define HERE 0x40000000

.option norvc
.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    bnez a0, sleep
    open_to_all
.macro tables name register
    begin_space \name
    entry leaves_\name, 0, program, SUPERVISOR_CODE
    la \register, root_\name
    satp_of_root \register
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
.globl rounds
rounds:
    .dword 3
    tables_of first
    tables_of second
