# All that may happen in the middle of long straight-line code, round after round: a store to a
# device, an interrupt, a trap that is skipped, an atomic, the end of the page, a branch into it.

.section .text.start, "ax"
.globl _start
_start:
    la t0, handler
    csrw mtvec, t0
    csrwi mie, 8
    csrsi mstatus, 8
    li s0, 20
    li s1, 0x10000000 # the UART
    li s2, 0x2000000  # msip of hart 0
    li s3, 1
    la s4, word
    j long

.balign 4096
.globl long
long:
    .rept 700
    c.addi a0, 1
    .endr
    sb a2, 0(s1)
    .rept 100
    c.addi a0, 1
    .endr
    sw s3, 0(s2)
.globl skipped
skipped:
    .rept 300
    c.addi a0, 1
    .endr
    .word 0x7b
    .rept 50
    c.addi a0, 1
    .endr
.globl middle
middle:
    .rept 200
    c.addi a0, 1
    .endr
    amoadd.w a3, s3, (s4)
    .rept 1200
    c.addi a0, 1
    .endr
    addi s0, s0, -1
    beqz s0, done
    andi t1, s0, 1
    beqz t1, odd
    j long
odd:
    j middle
done:
    li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
1:  j 1b

.balign 4
handler:
    csrr t2, mcause
    bltz t2, interrupt
    csrr t2, mepc
    addi t2, t2, 4
    csrw mepc, t2
    mret
interrupt:
    sw zero, 0(s2)
    mret

.data
word: .word 0
