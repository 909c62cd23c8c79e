/* Every hart starts here, with its number in a0 and the address of the device tree in a1. Hart 0 clears .bss, calls
   main, and finish with what that returned; the others wait for ever. */
    .section .text.start, "ax"
    .globl _start
_start:
    bnez a0, park
    la t0, trapped
    csrw mtvec, t0
    li t0, 0x2000               /* mstatus.FS: floating point is off after reset */
    csrs mstatus, t0
    la sp, stack_end
    la t0, bss_start
    la t1, bss_end
    j 2f
1:  sd zero, (t0)
    addi t0, t0, 8
2:  bltu t0, t1, 1b
    call main
    call finish
park:
    wfi
    j park

    .balign 4
trapped:
    li a0, 99
    call finish
