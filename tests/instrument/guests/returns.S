/* Functions that return in all ways: by themselves, through a tail call, never, and on another stack. */
#define FINISHER 0x100000

.section .text.start, "ax", @progbits
.globl _start
_start:
    bnez a0, sleep
    la sp, stack_end
    li a0, 5
    jal factorial
    li a0, 41
    jal outer
    li a0, 4
    jal even
    li s0, 0
again:                          /* jumper, plain, jumper, plain: each by the same call, with the same stack pointer */
    andi t1, s0, 1
    slli t1, t1, 3
    la t0, table
    add t0, t0, t1
    ld t0, 0(t0)
    mv s2, sp
    la s3, landed
    addi a0, s0, 3
    jalr t0
    nop
landed:
    addi s0, s0, 1
    li t0, 4
    blt s0, t0, again
    li a0, 100
    jal go
    li t0, FINISHER
    li t1, 0x5555
    sw t1, 0(t0)
sleep:
    wfi
    j sleep

.globl factorial, outer, inner, even, odd, jumper, plain, worker
factorial:
    li t0, 2
    bge a0, t0, 1f
    li a0, 1
    ret
1:  addi sp, sp, -16
    sd ra, 0(sp)
    sd a0, 8(sp)
    addi a0, a0, -1
    jal factorial
    ld t0, 8(sp)
    mul a0, a0, t0
    ld ra, 0(sp)
    addi sp, sp, 16
    ret

outer:
    j inner
inner:
    addi a0, a0, 1
    ret

even:
    beqz a0, 1f
    addi a0, a0, -1
    j odd
1:  li a0, 1
    ret
odd:
    beqz a0, 1f
    addi a0, a0, -1
    j even
1:  li a0, 0
    ret

jumper:                         /* as longjmp: never returns to where it was called from */
    addi sp, sp, -32
    mv sp, s2
    jr s3
plain:
    addi a0, a0, 4
    ret

go:
    addi sp, sp, -16
    sd ra, 0(sp)
    jal worker
    ld ra, 0(sp)
    addi sp, sp, 16
    ret
worker:                         /* the first goes on behind one that runs on another stack */
    li t0, 100
    beq a0, t0, 1f
    addi a0, a0, 1
    ret
1:  la t1, saved
    sd sp, 0(t1)
    sd ra, 8(t1)
    la sp, other_end
    li a0, 200
    jal go
    la t1, saved
    ld sp, 0(t1)
    ld ra, 8(t1)
    li a0, 101
    ret

.data
.balign 16
table: .dword jumper, plain
saved: .dword 0, 0
.balign 16
    .skip 1024
stack_end:
    .skip 1024
other_end:
