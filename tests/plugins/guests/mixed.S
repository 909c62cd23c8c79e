/* A hundred of each class of instructions, a load that traps in the middle of a block, and a store that ends the machine
   in the middle of another. */
    .option norvc
    .section .text.start, "ax"
    .globl _start
_start:
    csrr s0, mhartid
    la a0, data
    li a1, 0
    li a2, 100
    la t0, on_trap
    csrw mtvec, t0
loop:
    ld a3, 0(a0)
    sd a3, 8(a0)
    mul a4, a3, a3
    divu a5, a4, a2
    amoadd.d a6, a3, (a0)
    jal function
    addi a1, a1, 1
    bne a1, a2, loop
    nop
    ld a3, 0(zero)
    nop
    nop
    li a0, 0x5555
    li a1, 0x100000
    sw a0, 0(a1)
    nop
    nop
    nop
    j .
function:
    ret
    .balign 4
on_trap:
    csrr t1, mepc
    addi t1, t1, 4
    csrw mepc, t1
    mret
    .data
    .balign 8
data: .quad 3, 4
