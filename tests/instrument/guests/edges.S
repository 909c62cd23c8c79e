/* Blocks and instructions at their edges: of pages, of the longest block, of what can be decoded. */
#define UART 0x10000000
#define FINISHER 0x100000
#define UNMAPPED 0x08000000
#define LONGEST_BLOCK 512

.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    la t0, on_trap
    csrw mtvec, t0
    li s1, UART
    li s2, UNMAPPED
    la s4, words
    la s5, target
    bnez a0, sleep
    li s0, 3
/* Unicorn calls no hook for an illegal instruction of 16 bits while there are a few hooks, each for one address: by
   these, there are more. */
.rept 8
    nop
.endr
again:
/* Traps as the first, a middle and the last instruction of a block; 16 bits and 32. */
    .half 0
    addi t0, t0, 1
    .half 0
    addi t0, t0, 1
    .word 0xffffffff
    j 1f
1:  ld t0, 0(s2)
    addi t0, t0, 1
    sd t0, 0(s2)
    beqz zero, 2f
2:  ecall
    c.nop
    ebreak
    .half 0x9002
    addi t1, s4, 1
    amoadd.w t0, t0, (t1)
/* Devices as the first, a middle and the last instruction. */
    j 3f
3:  sb zero, 7(s1)
    addi t0, t0, 1
    lbu t0, 7(s1)
    beqz zero, 4f
4:  lbu t0, 7(s1)
    lbu t0, 7(s1)
    j 5f
5:  addi t0, t0, 1
    sb zero, 7(s1)
    csrr t0, minstret
/* A jump into the middle of a block, and to the second half of an instruction. */
    li t2, 2
6:  addi t0, t0, 1
7:  addi t0, t0, 1
    addi t2, t2, -1
    bgtz t2, 7b
    la t0, hidden + 2
    jalr t0
/* A block longer than the longest. */
.option push
.option norvc
.rept LONGEST_BLOCK + 100
    addi t0, t0, 1
.endr
.option pop
    jalr s5
    addi s0, s0, -1
    la t0, again
    beqz s0, 8f
    jr t0
8:  li t0, FINISHER
    li t1, 0x5555
    sw t1, 0(t0)
sleep:
    wfi
    j sleep

/* Over it lies an instruction of 32 bits, whose upper half is c.ret. */
hidden:
    .word 0x80820537

/* Steps over the instruction that trapped, which may not have been there: then it returns. */
.balign 4
on_trap:
    csrr t3, mcause
    li t4, 1
    beq t3, t4, 3f
    csrr t4, mepc
    lhu t3, 0(t4)
    andi t3, t3, 3
    addi t3, t3, -3
    beqz t3, 1f
    addi t4, t4, -2
1:  addi t4, t4, 4
2:  csrw mepc, t4
    mret
3:  mv t4, ra
    j 2b

/* At the end of a page: an instruction that lies half on the next, one that is last, one that is first. */
.balign 4096
    .space 4096 - 10
target:
    mv s6, ra
    c.nop
    c.nop
    c.nop
.option push
.option norvc
    addi t0, t0, 1
    ld t0, 0(s2)
.option pop
    jalr s2
    la t0, first
    jr t0
.balign 4096
    .space 4096 - 4
.option push
.option norvc
last:
    addi t0, t0, 1
first:
    ecall
.option pop
    mv ra, s6
    ret

.data
.balign 8
words:
    .dword 0
