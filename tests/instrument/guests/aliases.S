/* A user's loop calls a function by one and by another of its addresses, `turns` times each, `rounds` times.
   The caller is at CALLER; the page of the function at ONE and at OTHER. `known` has how often each was called. */
#define FINISHER 0x100000
#define CALLER 0x40000000
#define ONE 0x40001000
#define OTHER 0x40002000
#define SV39 8
#define USER_CODE 0xDB     /* V R X U A D */
#define MPP 0x1800

.option norvc
.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    la t0, handler
    csrw mtvec, t0
    la t1, middle
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, 1
    la t0, root
    sd t1, 8(t0)
    la t1, leaves
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, 1
    la t0, middle
    sd t1, 0(t0)
    la t0, leaves
    la t1, caller
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, USER_CODE
    sd t1, 0(t0)
    la t1, callee
    srli t1, t1, 12
    slli t1, t1, 10
    ori t1, t1, USER_CODE
    sd t1, 8(t0)
    sd t1, 16(t0)
    la t0, root
    srli t0, t0, 12
    li t1, SV39
    slli t1, t1, 60
    or t0, t0, t1
    csrw satp, t0
    sfence.vma
    li t0, MPP
    csrc mstatus, t0
    la s0, rounds
    ld s0, 0(s0)
    slli s0, s0, 1
    la s1, turns
    ld s1, 0(s1)
    la s2, known
    li s3, 0
step:
    beqz s0, end
    addi s0, s0, -1
    li a3, ONE
    beqz s3, 1f
    li a3, OTHER
1:  li t0, CALLER
    csrw mepc, t0
    li a0, 0
    mv a1, s1
    mret
.balign 4
handler:
    csrr t0, mcause
    addi t0, t0, -8
    bnez t0, wrong
    slli t0, s3, 3
    add t0, t0, s2
    ld t1, 0(t0)
    add t1, t1, a0
    sd t1, 0(t0)
    xori s3, s3, 1
    j step
end:
    li t1, 0x5555
    j 1f
wrong:
    li t1, 0x13333
1:  li t0, FINISHER
    sw t1, 0(t0)
    j 1b

.balign 4096
caller:
1:  jalr ra, 0(a3)
    addi a1, a1, -1
    bnez a1, 1b
    ecall
.balign 4096
.globl callee
callee:
    addi a0, a0, 1
    li t0, 20              /* so that time is spent here as well */
1:  addi t0, t0, -1
    bnez t0, 1b
    jr ra
.balign 4096

.data
.globl rounds, turns, known
.balign 8
rounds:
    .dword 4
turns:
    .dword 100
known:
    .dword 0, 0
.balign 4096
root:
    .space 4096
middle:
    .space 4096
leaves:
    .space 4096
