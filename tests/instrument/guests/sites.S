/* All harts run the same loop, whose steps a test instruments, until `stop` is set or after `rounds` rounds each.
   `harts` says how many take part; the last of them ends the guest. */
#define FINISHER 0x100000
#define MOST_HARTS 64

.section .text.start, "ax", @progbits
.globl _start
_start:
    csrw mie, zero
    la s0, rounds
    ld s0, 0(s0)
    la s1, stop
    la s2, done
    la s3, harts
    ld s3, 0(s3)
    bgeu a0, s3, sleep
    li s4, 0

.option push
.option norvc
round:
    beqz s0, end
    ld t0, 0(s1)
    bnez t0, end
    addi s0, s0, -1
steps:
.rept 256
    addi s4, s4, 1
.endr
steps_end:
    j round
.option pop

end:
    li t0, 1
    amoadd.d t0, t0, (s2)
    addi t0, t0, 1
    bne t0, s3, sleep
    li t0, FINISHER
    li t1, 0x5555
    sw t1, 0(t0)
sleep:
    wfi
    j sleep

.data
.globl rounds, harts, stop, done, words
.balign 64
rounds:
    .dword -1
harts:
    .dword 1
.balign 64
stop:
    .dword 0
.balign 64
done:
    .dword 0
.balign 64
/* For plugins: nothing in the guest looks at these. */
words:
    .space 64 * 64
