/* Supervisor mode under Sv39, for a function at a time (Privileged ISA 10.3, 10.4). */
#ifndef RUNTIME_SUPERVISOR_H
#define RUNTIME_SUPERVISOR_H

#include "csr.h"

#define ENTRIES 512
#define PAGE_SHIFT 12
#define LARGE_SHIFT 21
#define ROOT_SHIFT 30
#define NUMBER_SHIFT 10
#define VALID 1UL
#define READ_WRITE 6UL
#define EXECUTE 8UL
#define ACCESSED_DIRTY 0xC0UL
#define SV39 (8UL << 60)
#define RAM_ROOT 2
#define MSTATUS_MPP_SUPERVISOR (1UL << 11)
#define PMP_ALL_BY_POWER_OF_TWO 0x1F
#define ECALL_FROM_SUPERVISOR 9

static uint64_t root[ENTRIES] __attribute__((aligned(4096)));
static uint64_t large[ENTRIES] __attribute__((aligned(4096)));

static uint64_t leaf(uint64_t address, uint64_t rights) {
    return address >> PAGE_SHIFT << NUMBER_SHIFT | ACCESSED_DIRTY | rights | VALID;
}

/* Makes tables that map devices and RAM to where they are, RAM in pages of 2 MiB; once, by one hart. */
static void make_page_tables(void) {
    root[0] = leaf(0, READ_WRITE);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        large[i] = leaf(((uint64_t)RAM_ROOT << ROOT_SHIFT) + (i << LARGE_SHIFT), READ_WRITE | EXECUTE);
    }
    root[RAM_ROOT] = (uint64_t)large >> PAGE_SHIFT << NUMBER_SHIFT | VALID;
    fence_all();
}

/* In the middle the hart is in supervisor mode, from mret to ecall. */
uint64_t call_as_supervisor(uint64_t (*function)(void *), void *argument);
__asm__(".balign 4\n"
        "call_as_supervisor:\n"
        "    addi sp, sp, -32\n"
        "    sd ra, 0(sp)\n"
        "    csrr t0, mtvec\n"
        "    sd t0, 8(sp)\n"
        "    la t0, 1f\n"
        "    csrw mtvec, t0\n"
        "    csrw mepc, a0\n"
        "    mv a0, a1\n"
        "    la ra, 0f\n"
        "    mret\n"
        ".balign 4\n"
        "0:  ecall\n"
        ".balign 4\n"
        "1:  ld t0, 8(sp)\n"
        "    csrw mtvec, t0\n"
        "    ld ra, 0(sp)\n"
        "    addi sp, sp, 32\n"
        "    ret\n");

/* Calls a function in supervisor mode under these tables, on this hart; ~0 if it trapped. */
static uint64_t run_as_supervisor(uint64_t (*function)(void *), void *argument) {
    write_csr(pmpaddr0, ~0UL);
    write_csr(pmpcfg0, PMP_ALL_BY_POWER_OF_TWO);
    write_csr(satp, SV39 | (uint64_t)root >> PAGE_SHIFT);
    __asm__ volatile("sfence.vma" : : : "memory");
    clear_csr(mstatus, MSTATUS_MPP);
    set_csr(mstatus, MSTATUS_MPP_SUPERVISOR);
    uint64_t result = call_as_supervisor(function, argument);
    return read_csr(mcause) == ECALL_FROM_SUPERVISOR ? result : ~0UL;
}

#endif
