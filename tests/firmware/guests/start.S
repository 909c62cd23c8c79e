/* Entry of the first hart, and of those that it starts, which have the function to call in a1. */
.section .text.start, "ax", @progbits
.globl _start
_start:
    la t1, guest_main
    j 1f
.globl secondary
secondary:
    mv t1, a1
1:  csrr s1, satp
    csrr s2, sstatus
    csrr s3, sie
    la t0, trap_entry
    csrw stvec, t0
    la sp, stacks
    addi t0, a0, 1
    slli t0, t0, 14
    add sp, sp, t0
    mv s0, a0
    /* a0: its number, a1: what it was told, a2 to a4: what has to be 0 at the start, but for some bits */
    mv a2, s1
    mv a3, s2
    mv a4, s3
    jalr t1
    /* A hart that returns stops itself. */
    li a7, 0x48534D
    li a6, 1
    ecall
0:  wfi
    j 0b

/* No trap is to come: these guests look at what is pending, and let no interrupt trap. */
.balign 4
trap_entry:
    csrr a0, scause
    csrr a1, sepc
    csrr a2, stval
    la t0, trapped
    jr t0

.section .bss
.balign 16
.globl stacks
stacks:
    .space 64 << 14
