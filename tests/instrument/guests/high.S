/* Linked where there is no RAM, the code at one distance from where it is loaded and `far` at another. Hart 0 calls `work`
   twice, which counts in `calls`, and ends with the value of `far`, that it finds where that is loaded. */
    .section .text.start, "ax"
    .globl _start
    .type _start, @function
_start:
    csrr t0, mhartid
    bnez t0, park
    call work
    call work
    li t0, 0x80010000
    ld t0, (t0)
    slli t0, t0, 16
    li t1, 0x3333
    or t0, t0, t1
    li t1, 0x100000
    sw t0, (t1)
park:
    wfi
    j park
    .size _start, . - _start

    .globl work
    .type work, @function
work:
    la t0, calls
    ld t1, (t0)
    addi t1, t1, 1
    sd t1, (t0)
    ret
    .size work, . - work

    .section .bss
    .balign 8
    .globl calls
    .type calls, @object
    .size calls, 8
calls:
    .zero 8

    .section .far, "aw"
    .balign 8
    .globl far
    .type far, @object
    .size far, 8
far:
    .quad 5
