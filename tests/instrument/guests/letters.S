/* Prints a row of question marks, each of which a plugin can turn into a letter in a way of its own: by a register,
   by memory, by skipping an instruction, and so on. */
#define UART 0x10000000
#define FINISHER 0x100000
#define MSTATUS_FS_INITIAL 0x2000

.macro print
    sb a1, 0(s3)
    li a1, '?'
.endm

.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    bnez a0, sleep
    la t0, on_trap
    csrw mtvec, t0
    li t0, MSTATUS_FS_INITIAL
    csrs mstatus, t0
    li s3, UART
    la s0, letter
    li a1, '?'
    sb a1, 7(s3)
    j by_register

.option push
.option norvc
/* The value of a register, in the middle of a block. */
by_register:
    nop
register_used:
    print
/* A byte in memory that is loaded next. */
by_memory:
    lbu a1, 0(s0)
    print
/* An instruction that is skipped. */
    li a1, 'S'
skipped:
    li a1, '?'
    print
/* An instruction that is run in place of another, in another block. */
moved:
    nop
    j print_moved
elsewhere:
    li a1, 'E'
print_moved:
    print
/* A floating-point register. */
    fcvt.d.l fa0, a1
by_float:
    fcvt.l.d a1, fa0
    print
/* At the start of a block: a register, then where it goes on. */
    j by_block
by_block:
    print
    j moved_block
moved_block:
    j print_moved_block
elsewhere_block:
    li a1, 'K'
print_moved_block:
    print
/* In a trap: a register, then where the handler is. */
by_trap:
    ecall
    print
moved_trap:
    ecall
    print
/* What a device register gave. */
by_device:
    lbu a1, 7(s3)
    print
/* The zero register, which stays zero. */
by_zero:
    addi a1, zero, '?'
    print
/* What a store writes: the value comes from a register, and is not changed by what a plugin writes there before. */
by_store:
    sb a1, 0(s0)
    lbu a1, 0(s0)
    print
.option pop

    li t0, FINISHER
    li t1, 0x5555
finish:
    sw t1, 0(t0)
sleep:
    wfi
    j sleep

.balign 4
on_trap:
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret

.balign 4
other_trap:
    li a1, 'H'
    j on_trap

.data
.balign 8
letter:
    .byte '?'
