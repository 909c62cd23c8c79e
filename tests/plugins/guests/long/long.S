# ROUNDS rounds of LENGTH instructions of 16 bits without a branch.
# Retired are ROUNDS * (LENGTH + 2) + 9 instructions: all but the last.

.section .text.start, "ax"
.globl _start
_start:
    li s0, ROUNDS
    j loop
.balign 4096
loop:
    .rept LENGTH
    c.addi a0, 1
    .endr
    addi s0, s0, -1
    bnez s0, loop
    la t0, result
    sd a0, 0(t0)
    li a0, 0x100000
    li a1, 0x5555
    sw a1, 0(a0)
1:  j 1b

.data
result: .dword 0
