/* patches: an instruction is rewritten, fence.i, and its function called, `rounds` times. Exit status 1 if an old version
   was run. */
#include "measure.h"

volatile uint64_t rounds = 20000;

/* addi a0, zero, 0: the immediate field (bits 31:20) is what is rewritten. */
#define LOAD_IMMEDIATE 0x00000513u

uint64_t one_instruction(void);
extern volatile uint32_t rewritten_instruction;
__asm__(".text\n.balign 4096\n.option push\n.option norvc\n"
        "one_instruction:\n"
        "rewritten_instruction: addi a0, zero, 0\n"
        " ret\n.option pop\n.balign 4096\n");

uint64_t guest_main(uint64_t hart) {
    uint64_t wrong = 0, count = rounds;
    if (hart != 0 || count == 0) {
        return 0;
    }
    uint64_t began = ticks_now();
    for (uint64_t round = 0; round < count; round++) {
        uint32_t value = round % 2000;
        rewritten_instruction = LOAD_IMMEDIATE | value << 20;
        fence_instruction();
        wrong += one_instruction() != value;
    }
    report("patch", (int64_t)(ticks_now() - began), count);
    return wrong != 0;
}
