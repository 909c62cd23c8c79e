/* Addresses of the virt board that the guests use, and access to device registers. */
#ifndef RUNTIME_BOARD_H
#define RUNTIME_BOARD_H

#include <stdint.h>

#define FINISHER_BASE 0x00100000UL
#define CLINT_BASE 0x02000000UL
#define UART_BASE 0x10000000UL
/* Nothing answers here, neither on this board nor on QEMU's. */
#define UNMAPPED_ADDRESS 0x08000000UL
/* Ticks of mtime in one second. */
#define TIMEBASE_FREQUENCY 10000000UL

static inline volatile uint8_t *device_byte(uint64_t address) { return (volatile uint8_t *)address; }
static inline volatile uint32_t *device_word(uint64_t address) { return (volatile uint32_t *)address; }
static inline volatile uint64_t *device_double(uint64_t address) { return (volatile uint64_t *)address; }

#endif
