/* Under Sv39 hart 0 calls code whose last instruction goes over the end of its page, into one of two pages that stand for the
   next in turn, or none: `addi a0, a0, 1` or `addi a0, a0, 16`, or a page fault. It is called at that instruction, and at the
   one before. It ends with 0 if the sums and the faults are right. */
    .equ ROUNDS, 10
    .equ SUM, ROUNDS * (3 + 1 + 18 + 16 + 2 + 0)
    .equ FAULTS, ROUNDS * 2
    .equ WITHIN, 0xff8
    .equ BEGIN, 0xffe

    .section .text.start, "ax"
    .globl _start
_start:
    csrr t0, mhartid
    bnez t0, park
    la t0, trapped
    csrw mtvec, t0
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0

    .macro table_entry at, offset, target
    la t0, \at
    la t1, \target
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, 1
    sd t1, \offset(t0)
    .endm
    table_entry root, 32, middle
    table_entry middle, 0, last
    /* RAM where it is, in one leaf */
    la t0, root
    li t1, 0x80000 << 10 | 0xcf
    sd t1, 16(t0)
    la t0, last
    la t1, code
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, 0x4b
    sd t1, 0(t0)

    la t0, root
    srli t0, t0, 12
    li t1, 8
    slli t1, t1, 60
    or t0, t0, t1
    csrw satp, t0
    sfence.vma
    li t0, 3 << 11
    csrc mstatus, t0
    li t0, 1 << 11
    csrs mstatus, t0
    la t0, supervisor
    csrw mepc, t0
    mret

    /* t0: the leaf of the page behind */
    .macro call_both
    la t1, last
    sd t0, 8(t1)
    sfence.vma
    li a0, 0
    li t2, 0x100000000 + WITHIN
    jalr t2
    add s0, s0, a0
    li a0, 0
    li t2, 0x100000000 + BEGIN
    jalr t2
    add s0, s0, a0
    .endm
    .macro leaf_of page
    la t0, \page
    srli t0, t0, 12
    slli t0, t0, 10
    ori t0, t0, 0x4b
    .endm
supervisor:
    li s0, 0
    li s1, 0
    li s2, ROUNDS
0:  leaf_of one
    call_both
    leaf_of sixteen
    call_both
    li t0, 0
    call_both
    addi s2, s2, -1
    bnez s2, 0b
    ecall

    .balign 4
trapped:
    csrr t0, mcause
    li t1, 9
    beq t0, t1, end
    li t1, 12
    bne t0, t1, wrong
    csrr t0, mtval
    li t1, 0x100001000
    bne t0, t1, wrong
    csrr t0, mepc
    li t1, 0x100000000 + BEGIN
    bne t0, t1, wrong
    addi s1, s1, 1
    csrw mepc, ra
    mret
end:
    li t0, SUM
    bne s0, t0, wrong
    li t0, FAULTS
    bne s1, t0, wrong
    li t1, 0x5555
    j finish
wrong:
    li t1, 0x13333
finish:
    li t0, 0x100000
    sw t1, (t0)
park:
    wfi
    j park

    .section .text.pages, "ax"
    .balign 4096
code:
    .zero WITHIN
    .option push
    .option norvc
    addi a0, a0, 2
    .option pop
    c.nop
    .half 0x0513
    .zero 4096 /* what is behind it in RAM */
one:
    .half 0x0015
    ret
    .balign 4096
sixteen:
    .half 0x0105
    ret
    .balign 4096
root:
    .zero 4096
middle:
    .zero 4096
last:
    .zero 4096
