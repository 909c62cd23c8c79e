/* Blocks that are left early, or gone on with in the middle, in every way that there is. Hart 0 alone runs it. */
#define UART 0x10000000
#define CLINT 0x02000000
#define FINISHER 0x100000
#define UNMAPPED 0x08000000
#define MSTATUS_FS_INITIAL 0x2000
#define SOFTWARE_INTERRUPT 8
#define TO_NEAREST_AWAY 4
#define ROUNDS 7

.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    bnez a0, sleep
    la t0, on_trap
    csrw mtvec, t0
    li t0, MSTATUS_FS_INITIAL
    csrs mstatus, t0
    li s1, UART
    li s2, UNMAPPED
    li s3, CLINT
    li s4, 1

/* A loop whose head lies in a block that a device has been in the middle of, just before. */
    li t2, ROUNDS
    j 1f
1:  sb zero, 7(s1)
2:  addi t0, t0, 1
    addi t2, t2, -1
    bnez t2, 2b

/* The same, by a jump to an address in a register. */
    li t2, ROUNDS
    la s5, 5f
    la s6, 4f
    sub s6, s6, s5
    j 3f
3:  sb zero, 7(s1)
4:  addi t2, t2, -1
    snez t3, t2
    neg t3, t3
    and t3, t3, s6
    add t3, t3, s5
    jr t3
5:

/* The same, behind an instruction that the host lacks. */
    li t0, TO_NEAREST_AWAY
    csrw frm, t0
    li t2, ROUNDS
    j 6f
6:  fadd.d fa0, fa0, fa0
7:  addi t2, t2, -1
    bnez t2, 7b
    csrw frm, zero

/* Devices and faults at every place of a block, several in one. */
    li t2, ROUNDS
8:  addi t0, t0, 1
    sb zero, 7(s1)
    lbu t0, 7(s1)
    addi t0, t0, 1
    ld t0, 0(s2)
    addi t0, t0, 1
    sb zero, 7(s1)
    ld t0, 0(s2)
    addi t2, t2, -1
    bnez t2, 8b

/* An interrupt that a store in the middle of a block asks for. */
    li t0, SOFTWARE_INTERRUPT
    csrs mie, t0
    csrs mstatus, t0
    li t2, ROUNDS
9:  addi t0, t0, 1
    sw s4, 0(s3)
    addi t0, t0, 1
    addi t0, t0, 1
    addi t2, t2, -1
    bnez t2, 9b

/* For a plugin, which goes on elsewhere: before an instruction, before a block, at a device. */
    li t2, ROUNDS
10: addi t0, t0, 1
.globl moved
moved:
    addi t0, t0, 1
    addi t0, t0, 1
    j 11f
11: addi t2, t2, -1
    bnez t2, 10b
    j moved_block
.globl moved_block
moved_block:
    addi t0, t0, 1
    addi t0, t0, 1
    j 12f
12: addi t0, t0, 1
.globl moved_device
moved_device:
    sb zero, 7(s1)
    addi t0, t0, 1
    addi t0, t0, 1
.globl landing
landing:
    nop

/* The end, in the middle of a block. */
    li t0, FINISHER
    li t1, 0x5555
    sw t1, 0(t0)
    nop
    nop
    j sleep

sleep:
    wfi
    j sleep

.balign 4
on_trap:
    sw zero, 0(s3)
    csrr t6, mcause
    bltz t6, back
    csrr t6, mepc
    lhu t4, 0(t6)
    andi t4, t4, 3
    addi t4, t4, -3
    snez t4, t4
    slli t4, t4, 1
    addi t6, t6, 4
    sub t6, t6, t4
    csrw mepc, t6
back:
    mret
