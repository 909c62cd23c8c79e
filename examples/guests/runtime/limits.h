/* Sizes that the assembly start and the C runtime share. */
#ifndef RUNTIME_LIMITS_H
#define RUNTIME_LIMITS_H

#define MAXIMUM_HARTS 64
#define STACK_SHIFT 13 /* 8 KiB of stack for each hart */
#define TRAP_FRAME_SIZE 256

#endif
