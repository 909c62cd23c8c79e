/* Control and status registers, by their names, and the bits of them that the guests need. */
#ifndef RUNTIME_CSR_H
#define RUNTIME_CSR_H

#include <stdint.h>

#define MSTATUS_MIE (1UL << 3)
#define MSTATUS_MPIE (1UL << 7)
#define MSTATUS_MPP (3UL << 11)
#define MSTATUS_FS (3UL << 13)

/* The same bit numbers in mie and mip; the number itself is the cause in mcause. */
#define SOFTWARE_INTERRUPT 3
#define TIMER_INTERRUPT 7
#define INTERRUPT_BIT(number) (1UL << (number))
#define INTERRUPT_CAUSE(number) ((1UL << 63) | (number))

#define read_csr(name) \
    ({ uint64_t value_; __asm__ volatile("csrr %0, " #name : "=r"(value_) : : "memory"); value_; })
#define write_csr(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define set_csr(name, bits) __asm__ volatile("csrs " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define clear_csr(name, bits) __asm__ volatile("csrc " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")

static inline uint64_t hart_number(void) { return read_csr(mhartid); }
static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" : : : "memory"); }
static inline void fence_instruction(void) { __asm__ volatile("fence.i" : : : "memory"); }
/* Device accesses included: an IPI must not overtake the stores that it announces. */
static inline void fence_all(void) { __asm__ volatile("fence iorw, iorw" : : : "memory"); }

#endif
