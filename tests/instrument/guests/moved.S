/* Code and data that the guest moves to the place in RAM that they were linked for, as start-up code does. Hart 0 calls
   `fast` three times, and ends with the value of `start_value`, which it has moved with it. */
    .section .text.start, "ax"
    .globl _start
    .type _start, @function
_start:
    csrr t0, mhartid
    bnez t0, park
    la t0, fast_loaded
    la t1, fast_start
    la t2, fast_end
1:
    ld t3, (t0)
    sd t3, (t1)
    addi t0, t0, 8
    addi t1, t1, 8
    bltu t1, t2, 1b
    fence.i
    call fast
    call fast
    call fast
    la t0, start_value
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

    .section .fast, "awx"
    .balign 8
    .globl fast
    .type fast, @function
fast:
    la t0, start_value
    ld t1, (t0)
    ret
    .size fast, . - fast
    .balign 8
    .globl start_value
    .type start_value, @object
    .size start_value, 8
start_value:
    .quad 0
