/* Every kind of access once, each at a label of its own, with addresses and values that the test knows.
   Hart 0 alone runs it; the others sleep. Ends by the finisher. */
#define UART 0x10000000
#define CLINT 0x02000000
#define FINISHER 0x100000
#define UNMAPPED 0x08000000
#define RAM_END 0x88000000
#define MSTATUS_FS_INITIAL 0x2000

.section .text.start, "ax", @progbits
.globl _start
_start:
    bnez a0, sleep
    la t0, on_trap
    csrw mtvec, t0
    li t0, MSTATUS_FS_INITIAL
    csrs mstatus, t0
    la s0, area
    la s1, pattern
    la s2, tohost
    li s3, UART
    li s4, CLINT
    li s5, UNMAPPED
    li s6, 0xffffffff80000001
    li s7, 0x0123456789abcdef

.option push
.option norvc
/* Sign and zero extension: the pattern's bytes have their upper bits set. */
load_byte:            lb t0, 0(s1)
load_byte_unsigned:   lbu t0, 1(s1)
load_half:            lh t0, 2(s1)
load_half_unsigned:   lhu t0, 4(s1)
load_word:            lw t0, 8(s1)
load_word_unsigned:   lwu t0, 12(s1)
load_double:          ld t1, 16(s1)
load_to_zero:         lw zero, 8(s1)
load_over_base:       mv t2, s1
load_into_base:       ld t2, 16(t2)
store_byte:           sb s7, 1(s0)
store_half:           sh s7, 2(s0)
store_word:           sw s7, 4(s0)
store_double:         sd s7, 8(s0)
store_zero:           sd zero, 16(s0)
store_negative:       sw s6, 24(s0)

/* Floating point: a single is boxed in its register, and four bytes in memory. */
load_single:          flw fa0, 0(s1)
store_single:         fsw fa0, 32(s0)
load_float:           fld fa1, 16(s1)
store_float:          fsd fa1, 40(s0)

/* Not aligned: within a page, and across the boundary of two. */
misaligned_load:      ld t0, 13(s1)
misaligned_store:     sd s7, 51(s0)
    li t3, 4092
    add t3, s0, t3
crossing_store:       sd s7, 0(t3)
crossing_load:        ld t0, 0(t3)
crossing_load_half:   lhu t0, 3(t3)
crossing_store_word:  sw s6, 1(t3)

/* Atomics: an AMO reads, then writes. */
    addi t4, s0, 128
prepare_atomics:      sd s6, 0(t4)
amo_add_word:         amoadd.w t0, s7, (t4)
amo_swap_double:      amoswap.d t0, s7, (t4)
amo_max_word:         amomax.w t0, s6, (t4)
amo_and_to_zero:      amoand.d zero, s6, (t4)
    addi t5, s0, 192
reserve_word:         lr.w t0, (t4)
conditional_word:     sc.w t0, s7, (t4)
reserve_double:       lr.d t0, (t4)
conditional_double:   sc.d t0, s6, (t4)
fail_unreserved:      sc.d t0, s7, (t4)
reserve_elsewhere:    lr.w t0, (t5)
fail_elsewhere:       sc.w t0, s7, (t4)

/* Nothing is accessed by what traps. */
fault_load:           ld t0, 0(s5)
fault_store:          sd t0, 0(s5)
    addi t4, t4, 1
fault_atomic:         amoadd.w t0, s7, (t4)
    addi t4, t4, -1

/* Over the end of RAM. */
    li t5, RAM_END - 4
fault_end_store:      sd s7, 0(t5)
fault_end_load:       ld t0, 0(t5)

/* Devices. */
uart_store:           sb s7, 7(s3)
uart_load:            lbu t0, 7(s3)
uart_load_signed:     lb t0, 7(s3)
uart_status:          lb t0, 5(s3)
clint_store:          sw zero, 0(s4)
clint_load:           lw t0, 0(s4)
    li t6, 0x4000
    add t6, s4, t6
clint_store_double:   sd s7, 0(t6)
clint_load_double:    ld t0, 0(t6)
clint_load_upper:     lw t0, 4(t6)

/* The page of tohost: plain memory but for its words. */
htif_page_store:      sh s7, 256(s2)
htif_page_load:       lh t0, 256(s2)
htif_page_store_float: fsd fa1, 264(s2)
htif_page_load_float: fld fa2, 264(s2)
    addi s8, s2, 512
htif_page_amo:        amoadd.d t0, s7, (s8)
htif_load:            ld t0, 0(s2)
into_htif_page:       sd s7, -4(s2)
from_htif_page:       ld t0, -4(s2)
.option pop

/* Compressed ones. */
    mv a0, s0
    li a1, 0x8000000000000077
.option push
.option rvc
    li t0, 512
    add sp, s0, t0
short_store_word:     c.sw a1, 64(a0)
short_store_double:   c.sd a1, 72(a0)
short_load_word:      c.lw a2, 64(a0)
short_load_double:    c.ld a2, 72(a0)
short_store_float:    c.fsd fa1, 80(a0)
short_load_float:     c.fld fa2, 80(a0)
stack_store_word:     c.swsp a1, 4(sp)
stack_store_double:   c.sdsp a1, 8(sp)
stack_load_word:      c.lwsp a2, 4(sp)
stack_load_double:    c.ldsp a2, 8(sp)
stack_store_float:    c.fsdsp fa1, 16(sp)
stack_load_float:     c.fldsp fa2, 16(sp)
.option pop

    li t0, FINISHER
    li t1, 0x5555
finish:               sw t1, 0(t0)
sleep:
    csrw mie, zero
0:  wfi
    j 0b

/* Steps over the instruction, which has four bytes. */
.balign 4
on_trap:
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    mret

.section .rodata, "a", @progbits
.balign 64
.globl pattern
pattern:
    .byte 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88
    .word 0x89abcdef, 0xfedcba98
    .dword 0xc045000000000000, 0xf0e0d0c0b0a09080

.data
.balign 4096
.globl area
area:
    .space 12288
.globl tohost, fromhost
tohost:
    .dword 0
fromhost:
    .dword 0
    .space 4080
