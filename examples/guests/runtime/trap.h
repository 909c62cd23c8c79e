/* What a guest's trap handler gets to see. */
#ifndef RUNTIME_TRAP_H
#define RUNTIME_TRAP_H

#include <stdint.h>

#include "limits.h"

/* Registers at the trap, filled by trap_entry in start.S, which loads them back when the handler returns: the
   handler may change any of them, pc included, but not the stack pointer. */
struct trap_frame {
    uint64_t pc;
    uint64_t return_address; /* x1 */
    uint64_t stack_pointer;  /* x2 */
    uint64_t registers[29];  /* x3 to x31 */
};
_Static_assert(sizeof(struct trap_frame) == TRAP_FRAME_SIZE, "start.S and this structure must agree");

/* A guest may define its own; the runtime's reports the trap and ends the guest with status 99. */
void guest_trap(struct trap_frame *frame);

#endif
