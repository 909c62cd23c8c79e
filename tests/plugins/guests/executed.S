/* Lines that are executed known numbers of times by three harts in sum: the number is behind each line. */
#define HARTS 3
#define FINISHER 0x100000
#define UNMAPPED 0x08000000

    .macro function name
    .globl \name
    .type \name, @function
\name:
    .endm

    .option norvc
    .section .text.start, "ax"
    function _start
    csrr s0, mhartid                    /* 3 */
    la sp, stacks                       /* 3 */
    slli t0, s0, 8                      /* 3 */
    add sp, sp, t0                      /* 3 */
    la t0, on_trap                      /* 3 */
    csrw mtvec, t0                      /* 3 */
    addi s1, s0, 1                      /* 3 */
/* Hart h calls it h + 1 times. */
1:  call work                           /* 6 */
    addi s1, s1, -1                     /* 6 */
    bnez s1, 1b                         /* 6 */
    li a0, 5                            /* 3 */
    call recurse                        /* 3 */
    call enter                          /* 3 */
    call fall                           /* 3 */
    call fall                           /* 3 */
    call trapping                       /* 3 */
    li t1, UNMAPPED                     /* 3 */
    nop                                 /* 3 */
    ld t0, 0(t1)                        /* 3 */
    nop                                 /* 3 */
    la t0, done                         /* 3 */
    li t1, 1                            /* 3 */
    bnez s0, arrive                     /* 3 */
    li t2, HARTS - 1                    /* 1 */
2:  lw t1, 0(t0)
    bne t1, t2, 2b
    li t0, FINISHER                     /* 1 */
    li t1, 0x5555                       /* 1 */
    sw t1, 0(t0)                        /* 1 */
    nop                                 /* 0 */
    j park                              /* 0 */
/* Its last addition may end the machine: what a hart does behind its own has no known number. */
arrive:
    amoadd.w zero, t1, (t0)             /* 2 */
park:
    wfi
    j park
    .size _start, . - _start

/* A loop of four rounds, whose head lies in two blocks; a line of several counts. */
    function work
    li t0, 4                            /* 6 */
3:  andi t1, t0, 1                      /* 24 */
    bnez t1, 4f; addi t2, t2, 1; 4: nop /* 24 */
    bnez t1, 5f                         /* 24 */
    addi t2, t2, 1                      /* 12 */
5:  addi t0, t0, -1                     /* 24 */
    bnez t0, 3b                         /* 24 */
    ret                                 /* 6 */
    .size work, . - work

    function recurse
    addi sp, sp, -16                    /* 18 */
    sd ra, 0(sp)                        /* 18 */
    beqz a0, 6f                         /* 18 */
    addi a0, a0, -1                     /* 15 */
    call recurse                        /* 15 */
6:  ld ra, 0(sp)                        /* 18 */
    addi sp, sp, 16                     /* 18 */
    ret                                 /* 18 */
    .size recurse, . - recurse

    function enter
    nop                                 /* 3 */
    .size enter, . - enter
    function fall
    nop                                 /* 9 */
    ret                                 /* 9 */
    .size fall, . - fall

    function trapping
    ebreak                              /* 3 */
    ret                                 /* 3 */
    .size trapping, . - trapping

    function never
    ret                                 /* 0 */
    .size never, . - never

    .balign 4
    function on_trap
    csrr t6, mepc                       /* 6 */
    addi t6, t6, 4                      /* 6 */
    csrw mepc, t6                       /* 6 */
    mret                                /* 6 */
    .size on_trap, . - on_trap

    .data
    .balign 16
done: .word 0
    .balign 16
    .zero 256
stacks: .zero 1024
