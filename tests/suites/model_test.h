/* What riscv-arch-test needs to know of a machine, for the board "virt": tests are built with
 * -I of this folder. At its end a test sends its signature to the UART, a word of 8 digits a line,
 * and ends the run by the board's finisher. A machine without either can't run it. */
#ifndef MODEL_TEST_H
#define MODEL_TEST_H

#define MODEL_UART 0x10000000
#define MODEL_FINISHER 0x100000
#define MODEL_PASSED 0x5555

#define RVMODEL_BOOT
#define RVMODEL_IO_INIT
#define RVMODEL_IO_WRITE_STR(_R, _STR)
#define RVMODEL_IO_CHECK()
#define RVMODEL_IO_ASSERT_GPR_EQ(_S, _R, _I)
#define RVMODEL_IO_ASSERT_SFPR_EQ(_F, _R, _I)
#define RVMODEL_IO_ASSERT_DFPR_EQ(_D, _R, _I)

/* The test is in machine mode again here. */
#define RVMODEL_HALT                                                                               \
    csrw satp, zero;                                                                               \
    la s0, begin_signature;                                                                        \
    la s1, end_signature;                                                                          \
    li s2, MODEL_UART;                                                                             \
    1: bgeu s0, s1, 5f;                                                                            \
    lwu s3, 0(s0);                                                                                 \
    li s4, 28;                                                                                     \
    2: srl s5, s3, s4;                                                                             \
    andi s5, s5, 15;                                                                               \
    addi s5, s5, 48;                                                                               \
    li s6, 58;                                                                                     \
    bltu s5, s6, 3f;                                                                               \
    addi s5, s5, 39;                                                                               \
    3: sb s5, 0(s2);                                                                               \
    addi s4, s4, -4;                                                                               \
    bgez s4, 2b;                                                                                   \
    li s5, 10;                                                                                     \
    sb s5, 0(s2);                                                                                  \
    addi s0, s0, 4;                                                                                \
    j 1b;                                                                                          \
    5: li s5, MODEL_FINISHER;                                                                      \
    li s6, MODEL_PASSED;                                                                           \
    sw s6, 0(s5);                                                                                  \
    6: j 6b;

#define RVMODEL_DATA_BEGIN                                                                         \
    .align 4;                                                                                      \
    .global begin_signature;                                                                       \
    begin_signature:
#define RVMODEL_DATA_END                                                                           \
    .align 4;                                                                                      \
    .global end_signature;                                                                         \
    end_signature:

/* The machine's interrupts: MSIP of hart 0 in the CLINT. */
#define RVMODEL_SET_MSW_INT                                                                        \
    li t1, 1;                                                                                      \
    li t2, 0x2000000;                                                                              \
    sw t1, 0(t2);
#define RVMODEL_CLEAR_MSW_INT                                                                      \
    li t2, 0x2000000;                                                                              \
    sw x0, 0(t2);
#define RVMODEL_CLEAR_MTIMER_INT
#define RVMODEL_CLEAR_MEXT_INT

#endif
