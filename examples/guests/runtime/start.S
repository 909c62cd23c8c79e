/* Entry of every hart and entry of every trap.

   A hart starts here with a0 = its number and a1 = the address of the device tree, as the reset code of
   QEMU's virt board leaves them. That reset code (at 0x1000, in a boot ROM) is itself executed by every
   hart: six instructions (auipc, addi, csrr, ld, ld, jr) before the first one below. A count of executed
   instructions taken on QEMU is larger by those six for each hart that was started. */
#include "limits.h"

#define MSTATUS_FS_INITIAL 0x2000

.section .text.start, "ax", @progbits
.globl _start
.type _start, @function
_start:
    csrw mie, zero
    la t0, trap_entry
    csrw mtvec, t0
    /* Floating point is off after reset: switch it on and begin with round-to-nearest and no flags. */
    li t0, MSTATUS_FS_INITIAL
    csrs mstatus, t0
    csrw fcsr, zero
    /* There are stacks for so many harts only: the others never leave this file. */
    li t0, MAXIMUM_HARTS
    bgeu a0, t0, park
    la sp, stacks_start
    addi t0, a0, 1
    slli t0, t0, STACK_SHIFT
    add sp, sp, t0
    bnez a0, 2f
    /* Only hart 0 clears .bss: the others wait in runtime_main until it wakes them. */
    la t0, bss_start
    la t1, bss_end
    j 1f
0:  sd zero, 0(t0)
    addi t0, t0, 8
1:  bltu t0, t1, 0b
2:  call runtime_main
park:
    /* No interrupt is enabled, so this is for ever; the loop is there as wfi may return at any time. */
    csrw mie, zero
0:  wfi
    j 0b
.size _start, . - _start

/* Every trap of every hart: all integer registers and mepc go to a frame on the hart's own stack, the guest's
   guest_trap(frame) decides, and what it left in the frame is loaded back. Floating point registers are not
   saved: no handler of these guests touches them. mstatus needs no saving as traps are not nested. */
.section .text, "ax", @progbits
.balign 4
.globl trap_entry
.type trap_entry, @function
trap_entry:
    addi sp, sp, -TRAP_FRAME_SIZE
    sd x1, 8(sp)
    addi x1, sp, TRAP_FRAME_SIZE
    sd x1, 16(sp)
.macro save number
    sd x\number, (8 * \number)(sp)
.endm
.macro restore number
    ld x\number, (8 * \number)(sp)
.endm
.irp number, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    save \number
.endr
    csrr t0, mepc
    sd t0, 0(sp)
    mv a0, sp
    call guest_trap
    ld t0, 0(sp)
    csrw mepc, t0
.irp number, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    restore \number
.endr
    addi sp, sp, TRAP_FRAME_SIZE
    mret
.size trap_entry, . - trap_entry

.section .bss.noinit, "aw", @nobits
.balign 4096
.globl stacks_start
stacks_start:
    .space MAXIMUM_HARTS << STACK_SHIFT
